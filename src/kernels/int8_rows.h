// Exact products of one row of signed bytes with many, for a scan over vectors that lie in memory: bound by how fast
// they are read, so one path, of the baseline's SSE4.1, serves. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lode::kernels {

// The product of a and b, both int8[n]. n times 127 squared must fit an int32: n up to 133,000.
int32_t int8_product(const int8_t* a, const int8_t* b, size_t n);

}  // namespace lode::kernels

// Exact products of one row of signed bytes with many, for a scan over vectors that lie in memory. The same on every
// path. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"

namespace lode::kernels {

// The product of a and b, both int8[n]. n times 128 squared must fit an int32: n up to 131,000.
using Int8Product = int32_t (*)(const int8_t* a, const int8_t* b, size_t n);

// Of a path that available() lists.
Int8Product int8_product_of(Isa isa);

// On the path of select(), as it was when this was called first.
int32_t int8_product(const int8_t* a, const int8_t* b, size_t n);

}  // namespace lode::kernels

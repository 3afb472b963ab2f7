// Rows of f32 rounded into a storage type: F16 and BF16 to the nearest (ties to even), Q8_0 and Q4_0 as ggml's
// reference quantisers do it (quantize_row_*_ref in ggml-quants.c; Q4_0 with one rounding of x / d + 8.5, as gguf-py
// does, where ggml's own result depends on the compiler's use of FMA). Plain C++, the same bytes on every machine. Any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/dtype.h"

namespace lode::kernels {

// Whether quantize() writes this type.
constexpr bool can_quantize(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::q8_0 ||
         dtype == DType::q4_0;
}

// x [n], n whole blocks, to out [row_bytes(dtype, n)]. Returns false, and leaves `out` half-written, when an element
// is not finite or too large for the type (its scales are F16).
bool quantize(const float* x, int64_t n, DType dtype, std::byte* out);

}  // namespace lode::kernels

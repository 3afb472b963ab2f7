// The avx2 path: AVX2, FMA and F16C. What it computes is in kernels_inl.h.
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "kernels/cpu.h"
#include "kernels/dtype.h"
#include "kernels/int4_codes.h"
#include "kernels/packed_matrix.h"

// From here to the end of the file, code is compiled for the path's instruction set.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC target("avx2,fma,f16c")
#endif

namespace lode::kernels {
namespace {

constexpr Isa kIsa = Isa::avx2;
constexpr int kTileRows = 6;

#include "kernels/simd_avx2.h"
// After the vector type that it is written over.
#include "kernels/kernels_inl.h"

}  // namespace

const Kernels* avx2_kernels() {
  return &kTable;
}

}  // namespace lode::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif

// The avx512 path: AVX-512 F, BW, DQ and VL. What it computes is in kernels_inl.h.
#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "kernels/cpu.h"
#include "kernels/dtype.h"
#include "kernels/int4_codes.h"
#include "kernels/packed_matrix.h"

// From here to the end of the file, code is compiled for the path's instruction set.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")
#endif

namespace lode::kernels {
namespace {

constexpr Isa kIsa = Isa::avx512;
constexpr int kTileRows = 12;

#include "kernels/simd_avx512.h"
// After the vector type that it is written over.
#include "kernels/kernels_inl.h"

}  // namespace

const Kernels* avx512_kernels() {
  return &kTable;
}

}  // namespace lode::kernels

#if defined(__clang__)
#pragma clang attribute pop
#endif

// The portable path: Baseline code, no target region. What it computes is in kernels_inl.h.
#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"
#include "kernels/dtype.h"
#include "kernels/int4_codes.h"
#include "kernels/packed_matrix.h"

namespace lode::kernels {
namespace {

constexpr Isa kIsa = Isa::portable;
constexpr int kTileRows = 4;

#include "kernels/simd_portable.h"
// After the vector type that it is written over.
#include "kernels/kernels_inl.h"

}  // namespace

const Kernels* portable_kernels() {
  return &kTable;
}

}  // namespace lode::kernels

// The products of 8 bits that a vnni path puts in the place of those of the path that it widens (cpu.cc). Plain
// tables, so that nothing of a path runs before the CPU was asked for it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"

namespace lode::kernels {

// As in Int8Kernels.
struct VnniProducts {
  int tile_rows;
  int head_bytes;
  float (*round_input)(const float* x, int64_t k, int64_t depth, std::byte* out);
  void (*tile)(int rows, const std::byte* a, int64_t lda, const int8_t* b, int64_t depth, int32_t* c,
               const Fetch& fetch);
  double (*peak)(int64_t iterations, int32_t* sink);
};

const VnniProducts* avx2_vnni_products();
const VnniProducts* avx512_vnni_products();

}  // namespace lode::kernels

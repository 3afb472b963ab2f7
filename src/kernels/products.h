// What a path puts in the place of functions of the path that it widens (cpu.cc): products and
// attention in 8 bits by VNNI, the same in BF16 by AVX-512 BF16, unpacking of 4 bits by AVX-512 VBMI. Plain tables, so
// that nothing of a path runs before the CPU was asked for it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu.h"

namespace lode::kernels {

// A row's group for VNNI: the sum that its products start from, then its elements, a byte each.
inline constexpr int kVnniHeadBytes = 64;

// As in Int8Kernels.
struct VnniProducts {
  int tile_rows;
  int tile_panels;
  int head_bytes;
  float (*round_input)(const float* x, int64_t k, int64_t depth, std::byte* out);
  float (*weights)(const float* x, const float* factors, int64_t seen, int64_t n, float largest, std::byte* out,
                   float* left_out);
  void (*tile)(const Int8Tile& work);
  double (*peak)(int64_t iterations, int32_t* sink);
};

// As in Bf16Kernels.
struct Bf16Products {
  int tile_rows;
  int element_bytes;
  void (*round_row)(const float* x, int64_t n, std::byte* out);
  void (*pack_panel)(const PanelSource& source, int64_t k0, int64_t depth, uint16_t* panel);
  void (*pack_rows)(const float* rows, int64_t stride, int64_t depth, int n_columns, uint16_t* panel);
  float (*exponentials)(float* x, int64_t seen, int64_t n, float factor, float shift, std::byte* out);
  void (*tile)(const Bf16Tile& work);
  double (*peak)(int64_t iterations, float* sink);
};

// As Int4Kernels::unpack.
using Int4Unpack = void (*)(const std::byte* blocks, int64_t n_blocks, int8_t* out);

const VnniProducts* avx2_vnni_products();
const VnniProducts* avx512_vnni_products();
const Bf16Products* avx512_bf16_products();
Int4Unpack avx512_vbmi_unpack();

}  // namespace lode::kernels

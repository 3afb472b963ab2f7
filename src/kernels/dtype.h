// Element types of stored tensors, little-endian. Plain ones: F32, F16 (IEEE half) and BF16 (upper half of an f32).
// Blocked ones are ggml's (ggml-common.h): 32 or 256 neighbours of a row share scales, and only whole blocks lie
// anywhere.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace lode::kernels {

enum class DType : uint8_t { f32, f16, bf16, q8_0, q4_0, q4_1, q4_k, q5_k, q6_k };

inline constexpr std::array kDTypes = {DType::f32,  DType::f16,  DType::bf16, DType::q8_0, DType::q4_0,
                                       DType::q4_1, DType::q4_k, DType::q5_k, DType::q6_k};

struct Layout {
  std::string_view name;
  int64_t block;  // elements
  int64_t bytes;  // of a block
};

// Elements that every blocked type can be unpacked by.
inline constexpr int64_t kGroup = 32;

constexpr Layout layout(DType dtype) {
  constexpr std::array<Layout, kDTypes.size()> kLayouts = {{{"F32", 1, 4},
                                                            {"F16", 1, 2},
                                                            {"BF16", 1, 2},
                                                            {"Q8_0", 32, 34},
                                                            {"Q4_0", 32, 18},
                                                            {"Q4_1", 32, 20},
                                                            {"Q4_K", 256, 144},
                                                            {"Q5_K", 256, 176},
                                                            {"Q6_K", 256, 210}}};
  return kLayouts[std::to_underlying(dtype)];
}

constexpr std::string_view name(DType dtype) {
  return layout(dtype).name;
}

constexpr bool is_blocked(DType dtype) {
  return layout(dtype).block > 1;
}

// Bytes of n elements, a multiple of the block.
constexpr int64_t row_bytes(DType dtype, int64_t n) {
  return n / layout(dtype).block * layout(dtype).bytes;
}

// Bytes of one element of a plain type, which its address is a multiple of. Blocks lie anywhere.
constexpr size_t width(DType dtype) {
  return is_blocked(dtype) ? 1 : static_cast<size_t>(layout(dtype).bytes);
}

// The type of this name, "Q8_0"; empty when there is none.
constexpr std::optional<DType> find_dtype(std::string_view dtype_name) {
  for (const DType dtype : kDTypes) {
    if (name(dtype) == dtype_name) return dtype;
  }
  return std::nullopt;
}

}  // namespace lode::kernels

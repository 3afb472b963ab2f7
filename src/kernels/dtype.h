// Element types of stored tensors. F32, F16 (IEEE half) and BF16 (upper half of an f32), little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lode::kernels {

enum class DType : uint8_t { f32, f16, bf16 };

constexpr size_t width(DType dtype) {
  return dtype == DType::f32 ? 4 : 2;
}

constexpr std::string_view name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "F32";
    case DType::f16: return "F16";
    case DType::bf16: return "BF16";
  }
  return "?";
}

}  // namespace lode::kernels

// How a model's linear layers are computed, and attention (attention_rounding); norms, pooling and everything else
// between them are f32 always.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernels/attention.h"
#include "kernels/cpu.h"

namespace lode::model {

enum class Arithmetic : uint8_t {
  f32,   // weights as they are stored, products in f32
  bf16,  // weights and activations rounded to BF16, summed in f32 (Bf16Weight)
  int8,  // weights and activations rotated and in 8 bits, a scale a group; a group's sums exact (RoundedWeight)
  int4,  // the same with the weights of the layers in 4 bits
};

inline constexpr std::array kArithmetics = {Arithmetic::f32, Arithmetic::bf16, Arithmetic::int8, Arithmetic::int4};

// Whether weights are rounded by groups (kernels::PackedMatrix).
constexpr bool in_few_bits(Arithmetic arithmetic) {
  return arithmetic == Arithmetic::int8 || arithmetic == Arithmetic::int4;
}

constexpr std::string_view name(Arithmetic arithmetic) {
  switch (arithmetic) {
    case Arithmetic::f32: return "f32";
    case Arithmetic::bf16: return "bf16";
    case Arithmetic::int8: return "int8";
    case Arithmetic::int4: return "int4";
  }
  return "?";
}

// Empty for "auto" (choose_arithmetic).
constexpr std::optional<Arithmetic> find_arithmetic(std::string_view wanted) {
  for (const Arithmetic one : kArithmetics) {
    if (wanted == name(one)) return one;
  }
  return std::nullopt;
}

// Attention: in BF16 where everything is; beside 8 and 4 bits in 8 bits where the CPU has instructions for them, but
// for short sequences and causal ones (kernels::AttentionRounding).
constexpr kernels::AttentionRounding attention_rounding(Arithmetic arithmetic, const kernels::Kernels& kernels) {
  using Rounding = kernels::AttentionRounding;
  if (in_few_bits(arithmetic)) return kernels.int8.native ? Rounding::int8 : Rounding::none;
  return arithmetic == Arithmetic::bf16 ? Rounding::bf16 : Rounding::none;
}

}  // namespace lode::model

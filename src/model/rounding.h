// Which weights the rounded arithmetics round, and how: the linear layers to 8 or 4 bits, NV-Embed's latent block, 3 %
// of the weights behind which nothing averages errors out, to 8. Used while a model loads, by one thread.
#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"
#include "kernels/cpu.h"
#include "kernels/packed_matrix.h"
#include "model/arithmetic.h"
#include "weights/checkpoint.h"

namespace lode::model {

// By a tensor's name, with or without a prefix: a matrix of a layer.
bool is_layer_weight(const weights::Tensor& tensor);
// One of the latent block's two feed-forward matrices.
bool is_latent_weight(const weights::Tensor& tensor);

// Empty for f32 and bf16.
constexpr std::optional<kernels::Packing> latent_packing(Arithmetic arithmetic) {
  if (!in_few_bits(arithmetic)) return std::nullopt;
  return kernels::Packing{kernels::Bits::eight, true};
}
// One for all layers. Whether 4 bits go with rotation is tried on a row of each matrix (kernels::RotationTrial).
std::optional<kernels::Packing> layer_packing(Arithmetic arithmetic, const weights::Checkpoint& checkpoint,
                                              const kernels::Kernels& kernels);

// The arithmetic that the checkpoint's file was rounded for, else f32.
Arithmetic default_arithmetic(const weights::Checkpoint& checkpoint);
// `wanted`, or what the file holds: what it was rounded for; BF16 where its layers are in 16 bits and the CPU has an
// instruction for it, which takes a quarter to a half of the time of f32 and keeps a cosine of 0.9999 to its vectors;
// else f32. An error where the file was rounded for another one.
Result<Arithmetic> choose_arithmetic(std::optional<Arithmetic> wanted, const weights::Checkpoint& checkpoint,
                                     const kernels::Kernels& kernels);

}  // namespace lode::model

#include "model/rounding.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "kernels/gemm.h"
#include "kernels/round_panel.h"
#include "weights/gguf_names.h"

namespace lode::model {
namespace {

bool holds_layers_in_16_bits(const weights::Checkpoint& checkpoint) {
  return std::ranges::all_of(checkpoint.tensors(), [](const weights::Tensor& tensor) {
    return !is_layer_weight(tensor) || tensor.dtype == kernels::DType::f16 || tensor.dtype == kernels::DType::bf16;
  });
}

}  // namespace

bool is_layer_weight(const weights::Tensor& tensor) {
  const std::string_view name = weights::bare_name(tensor.name);
  return tensor.shape.size() == 2 && (name.starts_with("layers.") || name.starts_with("encoder.layer."));
}

bool is_latent_weight(const weights::Tensor& tensor) {
  return tensor.shape.size() == 2 &&
         weights::bare_name(tensor.name).starts_with("latent_attention_model.cross_attend_blocks.1.fn.");
}

std::optional<kernels::Packing> layer_packing(Arithmetic arithmetic, const weights::Checkpoint& checkpoint,
                                              const kernels::Kernels& kernels) {
  if (!in_few_bits(arithmetic)) return std::nullopt;
  if (arithmetic == Arithmetic::int8) return kernels::Packing{kernels::Bits::eight, true};
  kernels::RotationTrial trial;
  std::vector<float> row;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    if (!is_layer_weight(tensor) || tensor.packing || tensor.n_elements() == 0) continue;
    const int64_t columns = tensor.shape[1];
    const kernels::MatrixView view{tensor.data, tensor.dtype, tensor.shape[0], columns, columns, tensor.interleaved};
    row.resize(static_cast<size_t>(columns));
    kernels.to_f32(view.row(view.rows / 2), view.dtype, columns, row.data());
    trial.add(kernels, row.data(), columns);
  }
  return kernels::Packing{kernels::Bits::four, trial.rotation_pays()};
}

Arithmetic default_arithmetic(const weights::Checkpoint& checkpoint) {
  Arithmetic least = Arithmetic::f32;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    if (!tensor.packing) continue;
    if (tensor.packing->bits == kernels::Bits::four) return Arithmetic::int4;
    least = Arithmetic::int8;
  }
  return least;
}

Result<Arithmetic> choose_arithmetic(std::optional<Arithmetic> wanted, const weights::Checkpoint& checkpoint,
                                     const kernels::Kernels& kernels) {
  const Arithmetic own = default_arithmetic(checkpoint);
  if (!wanted && own == Arithmetic::f32 && kernels.bf16.native && holds_layers_in_16_bits(checkpoint)) {
    return Arithmetic::bf16;
  }
  if (!wanted || *wanted == own || own == Arithmetic::f32) return wanted.value_or(own);
  return fail(Code::invalid_argument,
              fmt::format("{} holds weights that were rounded for {}, --dtype {} was asked for",
                          checkpoint.folder().string(), name(own), name(*wanted)),
              "Leave --dtype out, or use the model that the file was made of.");
}

}  // namespace lode::model

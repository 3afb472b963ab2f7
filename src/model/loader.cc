#include "model/loader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "model/rounding.h"
#include "weights/safetensors.h"

namespace lode::model {
namespace {

// Up to this size a second copy of the weights in panel order costs little memory and makes short texts several times
// faster, since nothing is unpacked per batch. Larger f32 checkpoints are used where they are mapped.
constexpr size_t kPackLimitBytes = size_t{2} << 30;

kernels::MatrixView view(const weights::Tensor& tensor, int64_t rows, int64_t columns) {
  return {tensor.data, tensor.dtype, rows, columns, columns, tensor.interleaved};
}

}  // namespace

Loader::Loader(const weights::Checkpoint& checkpoint, kernels::Context& context, Arithmetic arithmetic)
    : checkpoint_(checkpoint),
      context_(context),
      arithmetic_(arithmetic),
      layer_packing_(layer_packing(arithmetic, checkpoint, context.kernels)),
      latent_packing_(latent_packing(arithmetic)),
      pack_(checkpoint.total_bytes() <= kPackLimitBytes) {}

Result<kernels::Weight> Loader::linear(std::initializer_list<Part> parts, int64_t k) {
  return weight(parts, k, layer_packing_);
}

Result<kernels::Weight> Loader::gated(const std::string& gate, const std::string& up, int64_t rows, int64_t k) {
  return weight({{gate, rows}, {up, rows}}, k, layer_packing_, true);
}

Result<kernels::Weight> Loader::latent_linear(std::initializer_list<Part> parts, int64_t k) {
  return weight(parts, k, latent_packing_);
}

kernels::Weight Loader::latent_computed(const float* rows, int64_t n, int64_t k) {
  const kernels::MatrixView all{reinterpret_cast<const std::byte*>(rows), kernels::DType::f32, n, k, k};
  if (arithmetic_ == Arithmetic::bf16) return kernels::Weight::bf16(context_, std::span(&all, 1));
  if (!latent_packing_) return kernels::Weight::packed(context_, std::span(&all, 1));
  return kernels::Weight::rounded(context_, *latent_packing_, std::span(&all, 1));
}

kernels::Weight Loader::latent_transposed(const float* transposed, int64_t n, int64_t k) {
  if (arithmetic_ == Arithmetic::bf16) return kernels::Weight::bf16_transposed(context_, transposed, n, k);
  if (!latent_packing_) return kernels::Weight::packed_transposed(context_, transposed, n, k);
  return kernels::Weight::rounded(
      kernels::RoundedWeight::round(context_, {*latent_packing_, n, k}, kernels::row_of_transposed(transposed, n, k)));
}

Result<kernels::Weight> Loader::weight(std::initializer_list<Part> parts, int64_t k,
                                       const std::optional<kernels::Packing>& packing, bool gated) {
  std::vector<const weights::Tensor*> tensors;
  std::vector<kernels::MatrixView> views;
  std::vector<kernels::PackedMatrix> rounded;
  for (const Part& part : parts) {
    const std::array<int64_t, 2> shape = {part.rows, k};
    LODE_ASSIGN(const weights::Tensor* tensor, checkpoint_.require(part.name, shape));
    tensors.push_back(tensor);
    if (tensor->packing) {
      rounded.push_back({*tensor->packing, part.rows, k, tensor->data, tensor->group});
    } else {
      views.push_back(view(*tensor, part.rows, k));
    }
  }
  if (!rounded.empty()) {
    const kernels::PackedMatrix& first = rounded.front();
    if (rounded.size() == tensors.size() && std::ranges::all_of(rounded, [&](const auto& matrix) {
          return matrix.packing == first.packing && matrix.group == first.group;
        })) {
      return gated ? kernels::Weight::gated(rounded[0], rounded[1]) : kernels::Weight::rounded(rounded);
    }
    return fail(Code::corrupt,
                fmt::format("tensor {} and the {} that are computed with it are not rounded alike",
                            weights::shown(tensors.front()->name), tensors.size() - 1),
                "Convert the model again with `lode convert`.");
  }
  using Form = kernels::Weight::Form;
  const bool all_f32 =
      std::ranges::all_of(tensors, [](const weights::Tensor* t) { return t->dtype == kernels::DType::f32; });
  Form form = pack_ && all_f32 ? Form::packed : Form::in_place;
  if (arithmetic_ == Arithmetic::bf16) form = Form::bf16;
  if (packing) form = Form::rounded;
  const kernels::Packing how = packing.value_or(kernels::Packing{});
  kernels::Weight weight = gated ? kernels::Weight::gated(context_, form, how, views[0], views[1])
                                 : kernels::Weight::stacked(context_, form, how, views);
  if (form != Form::in_place) {
    for (const weights::Tensor* tensor : tensors) checkpoint_.release(*tensor);
  }
  return weight;
}

Result<const weights::Tensor*> Loader::require_plain(const std::string& name, std::span<const int64_t> shape) const {
  LODE_ASSIGN(const weights::Tensor* tensor, checkpoint_.require(name, shape));
  if (!tensor->packing) return tensor;
  return fail(Code::corrupt, fmt::format("tensor {} is rounded, expected plain numbers", weights::shown(tensor->name)),
              "Convert the model again with `lode convert`.");
}

Result<kernels::MatrixView> Loader::matrix(const std::string& name, int64_t rows, int64_t columns) {
  const std::array<int64_t, 2> shape = {rows, columns};
  LODE_ASSIGN(const weights::Tensor* tensor, require_plain(name, shape));
  return view(*tensor, rows, columns);
}

Result<std::vector<float>> Loader::vector(const std::string& name, int64_t n) {
  return vectors({{name, n}});
}

Result<std::vector<float>> Loader::vectors(std::initializer_list<Part> parts) {
  std::vector<float> out;
  for (const Part& part : parts) {
    const std::array<int64_t, 1> shape = {part.rows};
    LODE_ASSIGN(const weights::Tensor* tensor, require_plain(part.name, shape));
    out.resize(out.size() + static_cast<size_t>(part.rows));
    context_.kernels.to_f32(tensor->data, tensor->dtype, part.rows, out.data() + out.size() - part.rows);
  }
  return out;
}

Result<std::vector<float>> Loader::matrix_f32(const std::string& name, int64_t rows, int64_t columns) {
  LODE_ASSIGN(const kernels::MatrixView m, matrix(name, rows, columns));
  std::vector<float> out(static_cast<size_t>(rows * columns));
  context_.kernels.to_f32(m.data, m.dtype, rows * columns, out.data());
  return out;
}

void Loader::release(const std::string& name) const {
  if (const weights::Tensor* tensor = checkpoint_.find(name)) checkpoint_.release(*tensor);
}

Status Loader::expect_absent(const std::string& name, std::string_view why) const {
  if (const weights::Tensor* tensor = checkpoint_.find(name)) {
    return fail(Code::corrupt,
                fmt::format("config.json is at odds with the weights: tensor {} is there, but {}", tensor->name, why),
                "Use the config.json that belongs to these weights.");
  }
  return {};
}

}  // namespace lode::model

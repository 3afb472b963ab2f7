#include "model/loader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "model/rounding.h"
#include "weights/gguf_names.h"
#include "weights/safetensors.h"

namespace lode::model {
namespace {

// Up to this size a second copy of the weights in panel order costs little memory and makes short texts several times
// faster, since nothing is unpacked per batch. Larger f32 checkpoints are used where they are mapped.
constexpr size_t kPackLimitBytes = size_t{2} << 30;

kernels::MatrixView view(const weights::Tensor& tensor, int64_t rows, int64_t columns) {
  return {tensor.data, tensor.dtype, rows, columns, columns, tensor.interleaved};
}

// Whether a tensor's name is one of the transformer's or of the pooling behind it, and not of a head beside them.
bool is_of_stack(std::string_view name) {
  constexpr std::array<std::string_view, 6> kParts = {"embed_tokens.", "embeddings.", "encoder.",
                                                      "layers.",       "norm.",       "latent_attention_model."};
  const std::string_view bare = weights::bare_name(name);
  return std::ranges::any_of(kParts, [&](std::string_view part) { return bare.starts_with(part); });
}

}  // namespace

Loader::Loader(const weights::Checkpoint& checkpoint, kernels::Context& context, Arithmetic arithmetic, Loading loading)
    : checkpoint_(checkpoint),
      context_(context),
      arithmetic_(arithmetic),
      loading_(loading),
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
    LODE_ASSIGN(const weights::Tensor* tensor, require(part.name, shape));
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
      if (checks_only()) return kernels::Weight();
      return gated ? kernels::Weight::gated(rounded[0], rounded[1]) : kernels::Weight::rounded(rounded);
    }
    return fail(Code::corrupt,
                fmt::format("tensor {} and the {} that are computed with it are not rounded alike",
                            weights::shown(tensors.front()->name), tensors.size() - 1),
                "Convert the model again with `lode convert`.");
  }
  if (checks_only()) return kernels::Weight();
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

Result<const weights::Tensor*> Loader::require(const std::string& name, std::span<const int64_t> shape) {
  LODE_ASSIGN(const weights::Tensor* tensor, checkpoint_.require(name, shape));
  used_.insert(tensor->name);
  return tensor;
}

Result<const weights::Tensor*> Loader::require_plain(const std::string& name, std::span<const int64_t> shape) {
  LODE_ASSIGN(const weights::Tensor* tensor, require(name, shape));
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
    if (checks_only()) continue;
    out.resize(out.size() + static_cast<size_t>(part.rows));
    context_.kernels.to_f32(tensor->data, tensor->dtype, part.rows, out.data() + out.size() - part.rows);
  }
  return out;
}

Result<std::vector<float>> Loader::matrix_f32(const std::string& name, int64_t rows, int64_t columns) {
  LODE_ASSIGN(const kernels::MatrixView m, matrix(name, rows, columns));
  if (checks_only()) return std::vector<float>();
  std::vector<float> out(static_cast<size_t>(rows * columns));
  context_.kernels.to_f32(m.data, m.dtype, rows * columns, out.data());
  return out;
}

void Loader::release(const std::string& name) const {
  if (const weights::Tensor* tensor = checkpoint_.find(name)) checkpoint_.release(*tensor);
}

Status Loader::expect_no_more(const ModelConfig& config) const {
  const auto check = [&](std::string_view name) -> Status {
    if (used_.contains(name) || !is_of_stack(name) || weights::is_unused_tensor(name)) return {};
    const std::string_view bare = weights::bare_name(name);
    const auto twin = std::ranges::find(used_, bare, weights::bare_name);
    if (twin != used_.end()) {
      return fail(Code::corrupt,
                  fmt::format("{}: tensors {} and {} are the same part of the model, expected one",
                              checkpoint_.folder().string(), weights::shown(*twin), weights::shown(name)),
                  "The weights of two models are mixed up; get the model again.");
    }
    return fail(Code::unsupported,
                fmt::format("{}: tensor {} is none of the model's ({}, {} layers by its configuration)",
                            checkpoint_.folder().string(), weights::shown(name), config.family, config.n_layers),
                "Lodestone would compute something else than the model's authors did, so it refuses.");
  };
  for (const weights::Tensor& tensor : checkpoint_.tensors()) LODE_TRY(check(tensor.name));
  for (const weights::SkippedTensor& tensor : checkpoint_.skipped()) LODE_TRY(check(tensor.name));
  return {};
}

}  // namespace lode::model

#include "apps/rounded_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "apps/gguf_metadata.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "apps/staged_file.h"
#include "apps/tensor_writer.h"
#include "base/gguf_head.h"
#include "base/parallel.h"
#include "kernels/gemm.h"
#include "kernels/rounded_weight.h"
#include "model/latent_folding.h"
#include "model/loader.h"
#include "model/rounding.h"
#include "weights/rounded_tensors.h"
#include "weights/safetensors.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using kernels::RowReader;
using weights::RoundedTensor;

// A weight that is rounded, and where its rows come from: a tensor of the checkpoint, or what was folded.
struct OutgoingWeight {
  RoundedTensor target;
  const weights::Tensor* source = nullptr;
  RowReader rows;
};

class RoundedModel {
 public:
  RoundedModel(const weights::Checkpoint& checkpoint, const model::ModelConfig& config, model::Arithmetic arithmetic,
               kernels::Context& context)
      : checkpoint_(checkpoint), config_(config), arithmetic_(arithmetic), context_(context) {}

  Status plan();
  Result<std::string> head(const fs::path& path) const;
  [[nodiscard]] uint64_t data_bytes() const;
  // All tensors, in the order of head().
  Status write(StagedFile& file, Progress& progress) const;

 private:
  Status fold();
  Status write_rounded(const OutgoingWeight& weight, StagedFile& file, Progress& progress) const;

  const weights::Checkpoint& checkpoint_;
  const model::ModelConfig& config_;
  model::Arithmetic arithmetic_;
  kernels::Context& context_;
  model::FoldedAttention folded_;
  std::vector<OutgoingWeight> rounded_;
  std::vector<OutgoingTensor> kept_;  // as they are
};

Result<std::string> file_name(const model::ModelConfig& config, std::string_view name) {
  const weights::GgufArchitecture architecture = gguf_architecture(config);
  if (auto out = weights::to_gguf_name(architecture, name)) return std::move(*out);
  return fail(Code::unsupported,
              fmt::format("tensor {} has no name in a GGUF file of architecture {}", weights::shown(name),
                          weights::name(architecture)),
              "The checkpoint holds more than the model that Lodestone computes.");
}

// What only the folded scores and values are made of.
bool is_folded_away(const weights::Tensor& tensor) {
  constexpr std::array<std::string_view, 6> kNames = {"latents",
                                                      "cross_attend_blocks.0.norm_context.weight",
                                                      "cross_attend_blocks.0.norm_context.bias",
                                                      "cross_attend_blocks.0.fn.to_q.weight",
                                                      "cross_attend_blocks.0.fn.to_kv.weight",
                                                      "cross_attend_blocks.0.fn.to_out.weight"};
  std::string_view name = weights::bare_name(tensor.name);
  constexpr std::string_view kBlock = "latent_attention_model.";
  if (!name.starts_with(kBlock)) return false;
  name.remove_prefix(kBlock.size());
  return std::ranges::find(kNames, name) != kNames.end();
}

Status RoundedModel::plan() {
  const auto layer = model::layer_packing(arithmetic_, checkpoint_, context_.kernels);
  const auto latent = model::latent_packing(arithmetic_);
  for (const weights::Tensor& tensor : checkpoint_.tensors()) {
    if (weights::is_unused_tensor(tensor.name) || is_folded_away(tensor)) continue;
    LODE_ASSIGN(std::string name, file_name(config_, tensor.name));
    const bool is_latent = model::is_latent_weight(tensor);
    if (!is_latent && !model::is_layer_weight(tensor)) {
      kept_.push_back({&tensor, std::move(name), tensor.dtype, 0});
      continue;
    }
    if (std::ranges::any_of(tensor.shape, [](int64_t dim) { return dim < 1 || dim > INT32_MAX; })) {
      return fail(Code::corrupt,
                  fmt::format("tensor {} has shape {}, expected sizes from 1 to 2^31 - 1", weights::shown(tensor.name),
                              tensor.shape_text()),
                  "Get the model again.");
    }
    const int64_t columns = tensor.shape[1];
    const kernels::MatrixView view{tensor.data, tensor.dtype, tensor.shape[0], columns, columns, tensor.interleaved};
    const kernels::Kernels& kernels = context_.kernels;
    rounded_.push_back({{std::move(name), is_latent ? *latent : *layer, view.rows, columns},
                        &tensor,
                        [view, columns, &kernels](int64_t row, float* out) {
                          kernels.to_f32(view.row(row), view.dtype, columns, out);
                        }});
  }
  return config_.pooling == model::Pooling::latent_attention ? fold() : Status();
}

Status RoundedModel::fold() {
  model::Loader loader(checkpoint_, context_, model::Arithmetic::f32);
  LODE_ASSIGN(folded_, model::fold_attention(config_, loader));
  const kernels::Packing packing = *model::latent_packing(arithmetic_);
  const int64_t d = config_.d_model, n_weights = config_.n_cross_heads * config_.n_latents;
  LODE_ASSIGN(std::string scores, file_name(config_, model::kFoldedScores));
  LODE_ASSIGN(std::string values, file_name(config_, model::kFoldedValues));
  const float* const score_rows = folded_.scores.data();
  rounded_.push_back({{std::move(scores), packing, n_weights, d}, nullptr, [score_rows, d](int64_t row, float* out) {
                        std::copy_n(score_rows + row * d, d, out);
                      }});
  rounded_.push_back({{std::move(values), packing, d, n_weights},
                      nullptr,
                      kernels::row_of_transposed(folded_.values.data(), d, n_weights)});
  return {};
}

Result<std::string> RoundedModel::head(const fs::path& path) const {
  gguf::Head head;
  LODE_TRY(add_gguf_metadata(path, config_, std::nullopt, head));
  std::vector<RoundedTensor> targets;
  for (const OutgoingWeight& weight : rounded_) targets.push_back(weight.target);
  weights::add_rounded_keys(targets, head);
  for (const RoundedTensor& target : targets) {
    head.add_tensor(target.name, *gguf::find_tensor_type("I8"), std::array{target.n_bytes()});
  }
  for (const OutgoingTensor& t : kept_) {
    const std::vector<int64_t> dims(t.tensor->shape.rbegin(), t.tensor->shape.rend());
    head.add_tensor(t.name, *gguf::find_tensor_type(kernels::name(t.dtype)), dims);
  }
  return weights::checked_head(head);
}

uint64_t RoundedModel::data_bytes() const {
  uint64_t sum = 0;
  const auto add = [&](uint64_t n_bytes) { sum += n_bytes + gguf::padding(n_bytes); };
  for (const OutgoingWeight& weight : rounded_) add(static_cast<uint64_t>(weight.target.n_bytes()));
  for (const OutgoingTensor& t : kept_) add(t.n_bytes());
  return sum;
}

Status RoundedModel::write_rounded(const OutgoingWeight& weight, StagedFile& file, Progress& progress) const {
  const RoundedTensor& target = weight.target;
  kernels::PackedMatrix matrix = target.shape();
  const auto rounded = kernels::RoundedWeight::round(context_, matrix, weight.rows);
  matrix.data = rounded.bytes().data();
  const std::span<const float> scales(matrix.scales(0), static_cast<size_t>(matrix.n_panels() * matrix.panel_scales()));
  if (!std::ranges::all_of(scales, [](float scale) { return std::isfinite(scale); })) {
    return fail(Code::unsupported,
                fmt::format("tensor {} holds numbers that are not finite", weights::shown(target.name)),
                "The weights may be damaged: compare their checksums with the published ones.");
  }
  const auto n_bytes = static_cast<uint64_t>(target.n_bytes());
  LODE_TRY(file.write(rounded.bytes().data(), n_bytes));
  progress.add(n_bytes);
  return {};
}

Status RoundedModel::write(StagedFile& file, Progress& progress) const {
  constexpr std::array<std::byte, gguf::kDefaultAlignment> kZeros{};
  for (const OutgoingWeight& weight : rounded_) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    LODE_TRY(write_rounded(weight, file, progress));
    LODE_TRY(file.write(kZeros.data(), gguf::padding(static_cast<uint64_t>(weight.target.n_bytes()))));
    if (weight.source != nullptr) checkpoint_.release(*weight.source);
  }
  TensorWriter writer(checkpoint_, context_.kernels, context_.pool, file, progress);
  for (const OutgoingTensor& t : kept_) {
    LODE_TRY(writer.write(t));
    LODE_TRY(file.write(kZeros.data(), gguf::padding(t.n_bytes())));
    checkpoint_.release(*t.tensor);
  }
  return {};
}

}  // namespace

Status write_rounded_model(const fs::path& path, const weights::Checkpoint& checkpoint,
                           const model::ModelConfig& config, model::Arithmetic arithmetic, const std::string& output,
                           const Globals& globals) {
  LODE_ASSIGN(const kernels::Kernels* kernels, kernels::select());
  ThreadPool pool(globals.threads == 0 ? available_cores() : globals.threads);
  kernels::Context context(*kernels, pool);
  RoundedModel model(checkpoint, config, arithmetic, context);
  LODE_TRY(model.plan());
  LODE_ASSIGN(const std::string head, model.head(path));
  const uint64_t n_bytes = head.size() + model.data_bytes();
  StagedFile file(output);
  LODE_TRY(file.check_space(n_bytes));
  LODE_TRY(file.open());
  LODE_TRY(file.write(head.data(), head.size()));
  {
    Progress progress("convert", n_bytes - head.size(), Unit::bytes, globals.quiet);
    LODE_TRY(model.write(file, progress));
  }
  LODE_TRY(file.commit());
  if (!globals.quiet) {
    print_message(fmt::format("{}: {} in linear layers, {}", output, model::name(arithmetic), format_bytes(n_bytes)));
  }
  return {};
}

}  // namespace lode::apps

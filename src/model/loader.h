// Tensors of a checkpoint as the weights of a model: shapes checked against the configuration, small f32 checkpoints
// copied into panels (and their pages given back), linear layers rounded where the arithmetic asks for it, everything
// else left where it is mapped. Or the checks alone: every error that a load would give, without reading a tensor. Used
// while a model loads, by one thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/context.h"
#include "kernels/gemm.h"
#include "model/arithmetic.h"
#include "model/config.h"
#include "weights/checkpoint.h"

namespace lode::model {

enum class Loading : uint8_t { whole, checks_only };

class Loader {
 public:
  // With Loading::checks_only weights and vectors come back empty, where they are there and of the right shape.
  Loader(const weights::Checkpoint& checkpoint, kernels::Context& context, Arithmetic arithmetic,
         Loading loading = Loading::whole);

  struct Part {
    std::string name;
    int64_t rows;
  };

  // The tensors [part.rows, k] of a layer stacked along their rows.
  Result<kernels::Weight> linear(std::initializer_list<Part> parts, int64_t k);
  // A gate [rows, k] over what it lets through, for products with Epilogue::gated.
  Result<kernels::Weight> gated(const std::string& gate, const std::string& up, int64_t rows, int64_t k);
  // The same of the latent block.
  Result<kernels::Weight> latent_linear(std::initializer_list<Part> parts, int64_t k);
  // Weights [n, k] of the latent block that were computed, from f32 [n, k] or its transpose [k, n].
  kernels::Weight latent_computed(const float* rows, int64_t n, int64_t k);
  kernels::Weight latent_transposed(const float* transposed, int64_t n, int64_t k);
  // Whether the checkpoint has this tensor.
  [[nodiscard]] bool has(std::string_view name) const { return checkpoint_.find(name) != nullptr; }
  // A tensor [rows, columns] where it lies.
  Result<kernels::MatrixView> matrix(const std::string& name, int64_t rows, int64_t columns);
  // Tensors [n] as one row of f32 after the other.
  Result<std::vector<float>> vector(const std::string& name, int64_t n);
  Result<std::vector<float>> vectors(std::initializer_list<Part> parts);
  // A tensor [rows, columns] as f32.
  Result<std::vector<float>> matrix_f32(const std::string& name, int64_t rows, int64_t columns);

  // Gives a tensor's pages back after it was copied or folded.
  void release(const std::string& name) const;
  // After all that the model needs: an error when its stack has more tensors (biases, further layers, a name twice),
  // whatever their type. Heads that no embedding needs (weights::is_unused_tensor) may be there.
  Status expect_no_more(const ModelConfig& config) const;

  [[nodiscard]] kernels::Context& context() const { return context_; }
  [[nodiscard]] Arithmetic arithmetic() const { return arithmetic_; }
  [[nodiscard]] bool checks_only() const { return loading_ == Loading::checks_only; }

 private:
  Result<kernels::Weight> weight(std::initializer_list<Part> parts, int64_t k,
                                 const std::optional<kernels::Packing>& packing, bool gated = false);
  // As Checkpoint::require, and remembers that the tensor is used.
  Result<const weights::Tensor*> require(const std::string& name, std::span<const int64_t> shape);
  // The same; an error for a matrix that was rounded.
  Result<const weights::Tensor*> require_plain(const std::string& name, std::span<const int64_t> shape);

  const weights::Checkpoint& checkpoint_;
  kernels::Context& context_;
  Arithmetic arithmetic_;
  Loading loading_;
  std::set<std::string_view> used_;  // names as they are in the files
  std::optional<kernels::Packing> layer_packing_;
  std::optional<kernels::Packing> latent_packing_;
  bool pack_;  // copy f32 linear layers into panels
};

}  // namespace lode::model

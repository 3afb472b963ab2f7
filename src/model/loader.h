// Tensors of a checkpoint as the weights of a model: shapes checked against the configuration, small f32 checkpoints
// copied into panels (and their pages given back), linear layers rounded where the arithmetic asks for it, everything
// else left where it is mapped. Used while a model loads, by one thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/context.h"
#include "kernels/gemm.h"
#include "model/arithmetic.h"
#include "weights/checkpoint.h"

namespace lode::model {

class Loader {
 public:
  Loader(const weights::Checkpoint& checkpoint, kernels::Context& context, Arithmetic arithmetic);

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
  // An error when the checkpoint has this tensor: config.json announces fewer layers than there are.
  Status expect_absent(const std::string& name, std::string_view why) const;

  [[nodiscard]] kernels::Context& context() const { return context_; }
  [[nodiscard]] Arithmetic arithmetic() const { return arithmetic_; }

 private:
  Result<kernels::Weight> weight(std::initializer_list<Part> parts, int64_t k,
                                 const std::optional<kernels::Packing>& packing, bool gated = false);
  // As Checkpoint::require; an error for a matrix that was rounded.
  Result<const weights::Tensor*> require_plain(const std::string& name, std::span<const int64_t> shape) const;

  const weights::Checkpoint& checkpoint_;
  kernels::Context& context_;
  Arithmetic arithmetic_;
  std::optional<kernels::Packing> layer_packing_;
  std::optional<kernels::Packing> latent_packing_;
  bool pack_;  // copy f32 linear layers into panels
};

}  // namespace lode::model

// One loaded model: encoder and pooling behind a single call. Owns weights and activations; one thread computes at a
// time.
#pragma once

#include <cstdint>
#include <memory>

#include "base/error.h"
#include "kernels/context.h"
#include "model/arithmetic.h"
#include "model/batch.h"
#include "model/config.h"
#include "weights/checkpoint.h"

namespace lode::model {

class Loader;

class Model {
 public:
  // Checks every tensor against the configuration, as check() does. The checkpoint must outlive the model.
  static Result<std::unique_ptr<Model>> load(const weights::Checkpoint& checkpoint, kernels::Context& context,
                                             Arithmetic arithmetic = Arithmetic::f32);
  // Every error that load gives for the configuration and the tensors' names, types and shapes; reads no tensor.
  static Status check(const weights::Checkpoint& checkpoint);
  ~Model();

  [[nodiscard]] const ModelConfig& config() const;

  // vectors [batch.n_seqs(), d_model]. Errors: internal when a result is not finite, out of memory.
  Status encode(kernels::Context& context, const Batch& batch, float* vectors);

 private:
  struct Impl;
  static Result<std::unique_ptr<Impl>> build(const weights::Checkpoint& checkpoint, Loader& loader);
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::model

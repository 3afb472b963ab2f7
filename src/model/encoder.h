// The transformer stack: packed token ids in, final hidden states of the pooled positions out. Knows no strings and no
// file formats. An encoder keeps its activations between calls, so one thread computes at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "kernels/context.h"
#include "model/batch.h"
#include "model/config.h"
#include "model/loader.h"

namespace lode::model {

// Hidden states of pooled positions, sequence after sequence.
struct Hidden {
  float* rows = nullptr;  // [offsets.back(), d_model], row stride `stride`; the pooling may overwrite them
  int64_t stride = 0;
  std::vector<int64_t> offsets;  // [n_seqs + 1]
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // ids must lie in the vocabulary and lengths within max_positions: embed/prompt sees to that. The result is valid
  // until the next call.
  virtual Hidden forward(kernels::Context& context, const Batch& batch) = 0;
};

// Which positions of sequence i are pooled: [begin, end), counted from its start.
struct PooledSpan {
  int64_t begin;
  int64_t end;
};
PooledSpan pooled_span(const ModelConfig& config, const Batch& batch, size_t i);

// Rows that a Mistral stack takes through its feed-forward block at a time: bounds its memory (d_ff floats a row) at
// no cost in speed.
inline constexpr int64_t kMlpRows = 1024;

// Rows of whole sequences, or of one longer sequence, that all threads take through a layer of a BERT stack together,
// and that a thread takes through the stack alone: what passes between products stays in the caches.
inline constexpr int64_t kBertRows = 512;
inline constexpr int64_t kBertThreadRows = 256;

// Mistral stack (RMSNorm, rotary embedding, grouped-query attention, SwiGLU), bidirectional or causal.
Result<std::unique_ptr<Encoder>> load_mistral(const ModelConfig& config, Loader& loader);
// BERT stack (learnt positions, LayerNorm after each block, exact GELU).
Result<std::unique_ptr<Encoder>> load_bert(const ModelConfig& config, Loader& loader);

}  // namespace lode::model

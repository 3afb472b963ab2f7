// What a model will hold in memory, from its configuration and tensors alone: for `lode inspect` and `lode serve`,
// before anything is loaded. Counts the weights as they are kept (in f32 arithmetic 16-bit ones stay 16-bit, NV-Embed's
// cross attention is folded at load) and the buffers of one pass; not the tokenizer, the vectors and the process
// itself. Any thread.
#pragma once

#include <cstdint>

#include "model/arithmetic.h"
#include "model/config.h"
#include "weights/checkpoint.h"

namespace lode::apps {

struct MemoryEstimate {
  int64_t weight_bytes = 0;
  int64_t pass_bytes = 0;  // activations of one pass
  int64_t pass_tokens = 0;
};

// One pass of so many tokens, on so many threads: each may have a part of its own in flight (model/microbatch.h).
MemoryEstimate estimate_memory(const model::ModelConfig& config, const weights::Checkpoint& checkpoint,
                               model::Arithmetic arithmetic, int64_t pass_tokens, int n_threads);

}  // namespace lode::apps

#include "embed/packer.h"

namespace lode::embed {

size_t count_that_fit(std::span<const TokenSequence> sequences, int64_t max_tokens) {
  int64_t n_tokens = 0;
  size_t n = 0;
  for (const TokenSequence& sequence : sequences) {
    n_tokens += static_cast<int64_t>(sequence.ids.size());
    if (n_tokens > max_tokens && n > 0) break;
    ++n;
  }
  return n;
}

model::Batch pack(std::span<const TokenSequence> sequences) {
  model::Batch batch;
  batch.offsets.push_back(0);
  for (const TokenSequence& sequence : sequences) {
    batch.ids.insert(batch.ids.end(), sequence.ids.begin(), sequence.ids.end());
    batch.offsets.push_back(static_cast<int32_t>(batch.ids.size()));
    batch.pool_begin.push_back(sequence.pool_begin);
  }
  return batch;
}

}  // namespace lode::embed

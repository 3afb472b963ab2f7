// What the model computes on: sequences packed end to end, never padded. Masks come from lengths, never from ids (the
// pad id of these models is their EOS id). Plain data; built by embed/packer, read by the engine thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lode::model {

struct Batch {
  std::vector<int32_t> ids;  // [n_tokens], all sequences concatenated
  std::vector<int32_t>
      offsets;  // [n_seqs + 1], offsets[i]..offsets[i+1] are the tokens of sequence i; positions start at 0
  std::vector<int32_t> pool_begin;  // [n_seqs], first pooled position of sequence i, counted from its own start

  [[nodiscard]] size_t n_seqs() const { return pool_begin.size(); }
  [[nodiscard]] size_t n_tokens() const { return ids.size(); }
  [[nodiscard]] int32_t length(size_t i) const { return offsets[i + 1] - offsets[i]; }
};

}  // namespace lode::model

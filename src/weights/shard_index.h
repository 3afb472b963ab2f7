// model.safetensors.index.json: which shard of a checkpoint holds which tensor. Only plain file names of the same
// folder are taken, so an index cannot point anywhere else; symbolic links behind such names are followed, because the
// Hugging Face cache is made of them. Checked against the shards by Checkpoint. Plain data; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace lode::weights {

struct ShardIndex {
  struct Row {
    std::string tensor;
    uint32_t file = 0;  // index into files
  };
  std::vector<std::string> files;  // sorted, each once
  std::vector<Row> rows;           // sorted by tensor, each once

  // The row of a tensor, or null.
  [[nodiscard]] const Row* find(std::string_view tensor) const;
};

// `text`: the whole file; `file` names it in errors (Code::corrupt).
Result<ShardIndex> parse_shard_index(std::string_view text, std::string_view file);

}  // namespace lode::weights

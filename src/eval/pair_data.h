// Pairs of texts that mean the same or not. Plain data; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct LabelledPairs {
  std::vector<std::string> first;
  std::vector<std::string> second;
  std::vector<uint8_t> labels;  // 1 alike, 0 not
};

// A .jsonl of MTEB's: one row of lists ("sentence1" or "sent1", "sentence2" or "sent2", "labels"), or one row a pair
// with the same names; or SICK's rows ("s1", "s2", "entailment", of which ENTAILMENT is alike). Errors: corrupt, naming
// the row; also where all pairs have one label.
Result<LabelledPairs> read_labelled_pairs(const std::filesystem::path& file);

}  // namespace lode::eval

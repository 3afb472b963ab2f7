// What `lode bench model` embeds, and how much arithmetic that is. Main thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "embed/prompt.h"
#include "model/config.h"

namespace lode::apps {

// Multiply-adds of one token's linear layers and of one pair of positions in attention, times two.
struct FloatingWork {
  double per_token;
  double per_pair;

  explicit FloatingWork(const model::ModelConfig& c);
  [[nodiscard]] double of(const std::vector<embed::TokenSequence>& sequences) const;
  // Of one text of so many tokens.
  [[nodiscard]] double of_length(double n) const { return n * per_token + n * n * per_pair; }
};

// Texts of one kind: documents, short texts or queries.
struct BenchTexts {
  std::string what;  // "embed documents"
  std::vector<std::string> texts;
};
struct BenchWorkload {
  std::vector<BenchTexts> throughput;
  std::vector<std::string> queries;  // one a call
};

// The texts of a file (JSONL or lines), or made-up ones: documents of `seq` tokens or so, enough for a second of a
// small model and a text or two of a large one, and short texts. Error: invalid_argument when the file has none.
Result<BenchWorkload> bench_workload(const std::string& file, int64_t seq, const FloatingWork& work);

}  // namespace lode::apps

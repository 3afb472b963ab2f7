// Texts with summaries that people wrote, and machines' summaries with people's marks. Plain data; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct SummarizedText {
  std::vector<std::string> human;
  std::vector<std::string> machine;
  std::vector<double> marks;  // of the machine's, by people
};

// A .jsonl of MTEB's: "human_summaries", "machine_summaries", "relevance". Errors: corrupt, naming the row: also for
// fewer than 3 machine summaries, for none by people, and where marks and summaries are not as many.
Result<std::vector<SummarizedText>> read_summaries(const std::filesystem::path& file);

}  // namespace lode::eval

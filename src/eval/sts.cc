#include "eval/sts.h"

#include <fmt/format.h>

#include "eval/jsonl.h"

namespace lode::eval {

Result<std::vector<ScoredPair>> read_scored_pairs(const std::filesystem::path& file) {
  std::vector<ScoredPair> out;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    const bool is_mteb = row.value().find("sentence1").has_value();
    ScoredPair pair;
    LODE_ASSIGN(pair.first, row.text(is_mteb ? "sentence1" : "s1"));
    LODE_ASSIGN(pair.second, row.text(is_mteb ? "sentence2" : "s2"));
    LODE_ASSIGN(pair.score, row.number("score"));
    out.push_back(std::move(pair));
    return {};
  }));
  if (out.size() < 2)
    return fail(Code::corrupt, fmt::format("{} has {} pairs, 2 or more were expected", file.string(), out.size()));
  return out;
}

}  // namespace lode::eval

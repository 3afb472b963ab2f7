#include "eval/retrieval_pairs.h"

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "eval/jsonl.h"

namespace lode::eval {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kFields = {
    {{"query", "code"}, {"query", "sql"}, {"java", "csharp"}}};

// The rows' codes, each once, and with them the queries if they are asked for.
class PairReader {
 public:
  Status read(const std::filesystem::path& file, bool with_queries) {
    return each_row(file, [&](const Row& row) { return add(row, with_queries); });
  }
  RetrievalData take() { return std::move(data_); }

 private:
  Status add(const Row& row, bool with_queries) {
    for (const auto& [query, code] : kFields) {
      if (!row.value().get(query) || !row.value().get(code)) continue;
      LODE_ASSIGN(const std::string text, row.text(query));
      LODE_ASSIGN(std::string answer, row.text(code));
      const auto [place, is_new] = ids_.emplace(answer, fmt::format("d{}", ids_.size()));
      if (is_new) data_.corpus.push_back({.id = place->second, .title = {}, .text = std::move(answer)});
      const auto split = row.value().get("split");
      const bool is_test = !split || split->as_string() == std::optional<std::string_view>("test");
      if (with_queries && is_test) {
        data_.queries.push_back({fmt::format("q{}", data_.queries.size()), text, {{place->second, 1}}});
      }
      return {};
    }
    return fail(Code::corrupt, fmt::format("{}: a row has no pair, \"query\" and \"code\" were expected", row.where()),
                "See docs/evaluation.md for the layouts.");
  }

  RetrievalData data_;
  std::unordered_map<std::string, std::string> ids_;  // of codes
};

}  // namespace

Result<RetrievalData> read_retrieval_pairs(const std::filesystem::path& file, const std::filesystem::path& folder) {
  PairReader reader;
  LODE_TRY(reader.read(file, true));
  if (const auto train = find_packed(folder, "train.jsonl"); train && *train != file) {
    LODE_TRY(reader.read(*train, false));
  }
  RetrievalData data = reader.take();
  if (data.queries.empty()) return fail(Code::corrupt, fmt::format("{} has no query", file.string()));
  return data;
}

}  // namespace lode::eval

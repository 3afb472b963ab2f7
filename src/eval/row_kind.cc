#include "eval/row_kind.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/jsonl.h"

namespace lode::eval {
namespace {

// One column by any of its names, the first of which is the usual one.
using Column = std::array<std::string_view, 3>;

struct KindColumns {
  TaskKind kind;
  std::array<Column, 3> columns;  // those of no name are none
};

constexpr std::array<KindColumns, 6> kKinds = {{
    {TaskKind::classification, {{{"text"}, {"label", "label_text"}}}},
    {TaskKind::clustering, {{{"sentences"}, {"labels"}}}},
    {TaskKind::pair_classification,
     {{{"sentence1", "sent1", "s1"}, {"sentence2", "sent2", "s2"}, {"labels", "label"}}}},
    {TaskKind::reranking, {{{"query"}, {"positive", "positives"}, {"negative", "negatives"}}}},
    {TaskKind::sts, {{{"sentence1", "s1"}, {"sentence2", "s2"}, {"score"}}}},
    {TaskKind::summarization, {{{"human_summaries"}, {"machine_summaries"}, {"relevance"}}}},
}};

struct Match {
  TaskKind kind;
  size_t n_present = 0;
  std::vector<std::string_view> missing;
};

Match match_columns(const KindColumns& wanted, json::Value row) {
  Match out{.kind = wanted.kind, .n_present = 0, .missing = {}};
  for (const Column& column : wanted.columns) {
    if (column.front().empty()) continue;
    if (std::ranges::any_of(column,
                            [&](std::string_view name) { return !name.empty() && row.get(name).has_value(); })) {
      ++out.n_present;
    } else {
      out.missing.push_back(column.front());
    }
  }
  return out;
}

std::string columns_of(json::Value row) {
  constexpr size_t kMost = 12;
  std::vector<std::string_view> names;
  for (const auto& [name, value] : row.members()) {
    if (!value.is(json::Kind::null)) names.push_back(name);
  }
  const bool is_cut = names.size() > kMost;
  names.resize(std::min(names.size(), kMost));
  return fmt::format("{}{}", fmt::join(names, ", "), is_cut ? " ..." : "");
}

}  // namespace

Result<TaskKind> kind_of_rows(const std::filesystem::path& file) {
  constexpr const char* kColumnsHint = "docs/evaluation.md has the columns of each kind (data layouts).";
  const auto first = first_row(file);
  if (!first || !first->root().is(json::Kind::object)) {
    return fail(Code::invalid_argument, fmt::format("the first row of {} is no JSON object", file.string()),
                kColumnsHint);
  }
  std::vector<Match> whole, near;
  for (const KindColumns& wanted : kKinds) {
    Match found = match_columns(wanted, first->root());
    if (found.missing.empty()) {
      whole.push_back(std::move(found));
    } else if (found.n_present > 0) {
      near.push_back(std::move(found));
    }
  }
  if (whole.size() == 1) return whole.front().kind;
  const std::string seen = fmt::format("{} has the columns {}", file.string(), columns_of(first->root()));
  std::vector<std::string> parts;
  if (!whole.empty()) {
    for (const Match& one : whole) parts.emplace_back(kind_name(one.kind));
    return fail(Code::invalid_argument, fmt::format("{}, which are those of {}", seen, fmt::join(parts, " and of ")),
                "Leave out the column that is not meant.");
  }
  for (const Match& one : near) {
    parts.push_back(fmt::format("{} lacks {}", kind_name(one.kind), fmt::join(one.missing, " and ")));
  }
  if (parts.empty()) parts.emplace_back("no kind of task has any of them");
  return fail(Code::invalid_argument, fmt::format("{}: {}", seen, fmt::join(parts, ", ")), kColumnsHint);
}

}  // namespace lode::eval

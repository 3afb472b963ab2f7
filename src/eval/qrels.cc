#include "eval/qrels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/compressed_file.h"
#include "eval/jsonl.h"
#include "eval/trec_ids.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

constexpr size_t kRunFields = 6;

// A line's fields. Between tabs ids may hold spaces: BEIR's do. trec_eval, whose form a run has, splits at either.
enum class Fields : unsigned char { between_tabs, between_any };

// visit(fields, line number) for each line that is not empty.
template <class Visit>
Status each_line(const fs::path& file, Fields split, Visit visit) {
  LODE_ASSIGN(const std::string text, read_compressed(file));
  std::vector<std::string_view> fields;
  size_t line_number = 0;
  for (size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    fields.clear();
    const bool at_tabs = split == Fields::between_tabs && line.find('\t') != std::string_view::npos;
    const std::string_view kSpace = at_tabs ? "\t\r" : " \t\r\v\f";
    for (;;) {
      const size_t start = line.find_first_not_of(kSpace);
      if (start == std::string_view::npos) break;
      line.remove_prefix(start);
      const size_t n = std::min(line.find_first_of(kSpace), line.size());
      fields.push_back(line.substr(0, n));
      line.remove_prefix(n);
    }
    if (!fields.empty()) LODE_TRY(visit(fields, line_number));
  }
  return {};
}

// from_chars knows no plus.
std::string_view without_plus(std::string_view text) {
  return text.size() > 1 && text[0] == '+' && text[1] != '-' ? text.substr(1) : text;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  text = without_plus(text);
  Number out{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return out;
}

// As trec_eval has it: read as double, kept as float, so what is too small for one is 0 and what is too large infinite.
// None for what is no number.
std::optional<float> run_score(std::string_view text) {
  text = without_plus(text);
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::invalid_argument || rest != text.data() + text.size()) return std::nullopt;
  // Out of a double's range too: from_chars does not say on which side.
  if (error == std::errc::result_out_of_range) number = std::strtod(std::string(text).c_str(), nullptr);
  if (std::isnan(number)) return std::nullopt;
  static_assert(std::numeric_limits<float>::is_iec559);
  return static_cast<float>(number);
}

void sort_best_first(std::vector<Retrieved>& hits) {
  std::ranges::sort(hits, [](const Retrieved& a, const Retrieved& b) {
    return a.score != b.score ? a.score > b.score : a.document > b.document;
  });
}

// Judgements are whole numbers; some tools write them as 1.0.
std::optional<int32_t> level_of(std::string_view text) {
  if (const auto whole = number_of<int32_t>(text)) return whole;
  const auto number = number_of<double>(text);
  if (!number || std::trunc(*number) != *number || std::abs(*number) > 1e6) return std::nullopt;
  return static_cast<int32_t>(*number);
}

Result<Qrels> read_json_qrels(const fs::path& file) {
  Qrels out;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    const bool is_coir = row.value().find("query_id").has_value();
    LODE_ASSIGN(std::string query, row.id(is_coir ? "query_id" : "query-id"));
    LODE_ASSIGN(std::string document, row.id(is_coir ? "corpus_id" : "corpus-id"));
    LODE_ASSIGN(const double score, row.number("score"));
    const auto level = level_of(fmt::format("{}", score));
    if (!level)
      return fail(Code::corrupt, fmt::format("{}: \"score\" is {}, a whole number was expected", row.where(), score));
    out[std::move(query)].emplace_back(std::move(document), *level);
    return {};
  }));
  return out;
}

}  // namespace

Result<Qrels> read_qrels(const fs::path& file) {
  if (file.filename().string().find(".jsonl") != std::string::npos) return read_json_qrels(file);
  Qrels out;
  LODE_TRY(each_line(
      file, Fields::between_tabs, [&](const std::vector<std::string_view>& fields, size_t line_number) -> Status {
        const auto level = level_of(fields.back());
        if (!level && line_number == 1 && !number_of<double>(fields.back())) return {};  // the header
        if (!level || (fields.size() != 3 && fields.size() != 4)) {
          return fail(Code::corrupt, fmt::format("{}:{}: \"query-id corpus-id score\" was expected, not \"{}\"",
                                                 file.string(), line_number, fmt::join(fields, " ")));
        }
        out[std::string(fields[0])].emplace_back(fields[fields.size() - 2], *level);
        return {};
      }));
  if (out.empty()) return fail(Code::corrupt, fmt::format("{} has no judgements", file.string()));
  return out;
}

Result<TrecRun> read_trec_run(const fs::path& file) {
  TrecRun out;
  std::unordered_map<std::string_view, std::unordered_set<std::string>> seen;
  LODE_TRY(each_line(
      file, Fields::between_any, [&](const std::vector<std::string_view>& fields, size_t line_number) -> Status {
        if (fields.size() != kRunFields) {
          return fail(Code::corrupt,
                      fmt::format("{}:{}: \"query Q0 document rank score tag\" was expected, not {} fields",
                                  file.string(), line_number, fields.size()));
        }
        const auto score = run_score(fields[4]);
        if (!score) {
          return fail(Code::corrupt,
                      fmt::format("{}:{}: the score \"{}\" is no number", file.string(), line_number, fields[4]));
        }
        if (out.tag.empty()) out.tag = fields[5];
        const auto entry = out.rankings.try_emplace(std::string(fields[0])).first;
        if (!seen[entry->first].emplace(fields[2]).second) {
          return fail(Code::corrupt, fmt::format("{}:{}: the query {} has the document {} twice", file.string(),
                                                 line_number, fields[0], fields[2]));
        }
        entry->second.push_back({std::string(fields[2]), *score});
        return {};
      }));
  if (out.rankings.empty()) return fail(Code::corrupt, fmt::format("{} is an empty run", file.string()));
  for (auto& [query, hits] : out.rankings) sort_best_first(hits);
  return out;
}

std::vector<Retrieved> with_own_ids(std::vector<Retrieved> hits, const Judged& judged) {
  bool changed = false;
  for (Retrieved& hit : hits) {
    std::string own = id_of_trec(hit.document);
    if (own == hit.document || std::ranges::find(judged, hit.document, &Judged::value_type::first) != judged.end()) {
      continue;
    }
    hit.document = std::move(own);
    changed = true;
  }
  if (changed) sort_best_first(hits);
  return hits;
}

Result<Run> run_of(const std::vector<Query>& queries, TrecRun&& run, const fs::path& file) {
  Run out;
  size_t n_found = 0;
  for (const Query& query : queries) {
    auto found = run.rankings.find(query.id);
    if (found == run.rankings.end()) found = run.rankings.find(trec_id(query.id));
    if (found != run.rankings.end()) ++n_found;
    out.push_back(found == run.rankings.end() ? std::vector<Retrieved>{}
                                              : with_own_ids(std::move(found->second), query.judged));
  }
  if (n_found == 0) {
    return fail(Code::corrupt, fmt::format("{} has none of the {} queries; its first is {}", file.string(),
                                           queries.size(), run.rankings.begin()->first));
  }
  return out;
}

}  // namespace lode::eval

#include "eval/reranking_data.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "eval/jsonl.h"
#include "eval/retrieval_data.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

bool is_decided(const RerankingQuery& query) {
  const auto right = [](const Candidate& candidate) { return candidate.level > 0; };
  return std::ranges::any_of(query.candidates, right) && !std::ranges::all_of(query.candidates, right);
}

// Candidates of a row get their ids when it is known which rows stay: MTEB numbers those.
Result<std::vector<RerankingQuery>> read_rows(const fs::path& file) {
  std::vector<RerankingQuery> out;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    RerankingQuery query;
    if (const auto forms = row.value().get("query"); forms && forms->is(json::Kind::array)) {
      LODE_ASSIGN(query.forms, row.texts("query"));
      if (query.forms.empty()) return fail(Code::corrupt, fmt::format("{}: a query of no form", row.where()));
    } else {
      LODE_ASSIGN(std::string form, row.text("query"));
      query.forms.push_back(std::move(form));
    }
    for (const auto& [name, names, level] : {std::tuple{"positive", "positives", 1}, {"negative", "negatives", 0}}) {
      LODE_ASSIGN(auto texts, row.texts(row.value().get(names) ? names : name));
      for (std::string& text : texts) query.candidates.push_back({"", std::move(text), level});
    }
    if (is_decided(query)) out.push_back(std::move(query));
    return {};
  }));
  return out;
}

void name_as_mteb_does(std::vector<RerankingQuery>& queries, std::string_view split) {
  for (size_t q = 0; q < queries.size(); ++q) {
    queries[q].id = fmt::format("{}_query{}", split, q);
    size_t n_right = 0, n_wrong = 0;
    for (Candidate& candidate : queries[q].candidates) {
      candidate.id = candidate.level > 0 ? fmt::format("apositive_{}_{:05}", queries[q].id, n_right++)
                                         : fmt::format("negative_{}_{:05}", queries[q].id, n_wrong++);
    }
  }
}

std::string_view without_form(std::string_view id) {
  return id.substr(0, std::min(id.rfind('_'), id.size()));
}

Result<std::vector<RerankingQuery>> read_ranked(const fs::path& folder, const fs::path& top_ranked,
                                                std::string_view split, bool has_forms) {
  LODE_ASSIGN(const RetrievalData data, read_retrieval_data(folder, split));
  std::unordered_map<std::string_view, const Document*> documents;
  for (const Document& document : data.corpus) documents.emplace(document.id, &document);
  std::unordered_map<std::string_view, const Query*> queries;
  for (const Query& query : data.queries) queries.emplace(query.id, &query);

  std::vector<RerankingQuery> out;
  std::unordered_map<std::string, size_t> by_id;
  LODE_TRY(each_row(top_ranked, [&](const Row& row) -> Status {
    LODE_ASSIGN(const std::string query_id, row.id("query-id"));
    const auto query = queries.find(query_id);
    if (query == queries.end()) return {};  // of another split, or not judged
    const std::string id(has_forms ? without_form(query_id) : query_id);
    const auto [place, is_new] = by_id.emplace(id, out.size());
    if (!is_new && !has_forms) {
      return fail(Code::corrupt, fmt::format("{}: the query {} stands twice", row.where(), query_id));
    }
    if (is_new) out.push_back({.id = id, .forms = {}, .candidates = {}});
    RerankingQuery& here = out[place->second];
    here.forms.push_back(query->second->text);
    if (!is_new) return {};  // its candidates are those of its first form
    const auto ids = row.value().get("corpus-ids");
    if (!ids || !ids->is(json::Kind::array)) {
      return fail(Code::corrupt, fmt::format("{}: \"corpus-ids\" is no list", row.where()));
    }
    for (const json::Value value : ids->items()) {
      const auto document_id = id_text(value);
      const auto document = document_id ? documents.find(*document_id) : documents.end();
      if (document == documents.end()) {
        return fail(Code::corrupt, fmt::format("{}: the corpus has no document {}", row.where(), value.text(60)));
      }
      Candidate candidate{.id = *document_id, .text = document->second->whole(), .level = 0};
      for (const auto& [judged, level] : query->second->judged) {
        if (judged == candidate.id) candidate.level = level;
      }
      here.candidates.push_back(std::move(candidate));
    }
    return {};
  }));
  std::erase_if(out, [](const RerankingQuery& query) { return !is_decided(query); });
  return out;
}

}  // namespace

Result<std::vector<RerankingQuery>> read_reranking_data(const fs::path& folder, std::string_view split,
                                                        bool has_forms) {
  const auto top_ranked = find_packed(folder, "top_ranked.jsonl");
  const std::string rows_name = std::string(split) + ".jsonl";
  const auto rows = find_packed(folder, rows_name);
  if (!top_ranked && !rows) {
    return fail(Code::not_found,
                fmt::format("{} lacks {} (or top_ranked.jsonl with a corpus)", folder.string(), rows_name),
                "docs/evaluation.md has the layouts of data sets.");
  }
  std::vector<RerankingQuery> out;
  if (top_ranked) {
    LODE_ASSIGN(out, read_ranked(folder, *top_ranked, split, has_forms));
  } else {
    LODE_ASSIGN(out, read_rows(*rows));
    name_as_mteb_does(out, split);
  }
  if (out.empty()) {
    return fail(Code::corrupt, fmt::format("{} has no query with a right and a wrong candidate", folder.string()));
  }
  return out;
}

}  // namespace lode::eval

#include "eval/retrieval_data.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/compressed_file.h"
#include "eval/jsonl.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

Result<std::string> row_id(const Row& row) {
  return row.id(row.value().find("_id") ? "_id" : "id");
}

Result<std::vector<Document>> read_corpus(const fs::path& file) {
  std::vector<Document> out;
  std::unordered_set<std::string> ids;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    Document document;
    LODE_ASSIGN(document.id, row_id(row));
    LODE_ASSIGN(document.text, row.text("text"));
    if (row.value().get("title")) {
      LODE_ASSIGN(document.title, row.text("title"));
    }
    if (!ids.insert(document.id).second) {
      return fail(Code::corrupt, fmt::format("{}: the id {} stands twice", row.where(), document.id));
    }
    out.push_back(std::move(document));
    return {};
  }));
  return out;
}

// query-id <tab> corpus-id <tab> score, below a header; or TREC's four columns: query, iteration, document, level.
Status read_qrels(const fs::path& file, std::unordered_map<std::string, Query*>& queries) {
  LODE_ASSIGN(const std::string text, read_compressed(file));
  size_t line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    std::vector<std::string_view> fields;
    while (!line.empty()) {
      const size_t start = line.find_first_not_of(" \t\r");
      if (start == std::string_view::npos) break;
      line.remove_prefix(start);
      const size_t n = std::min(line.find_first_of(" \t\r"), line.size());
      fields.push_back(line.substr(0, n));
      line.remove_prefix(n);
    }
    if (fields.empty()) continue;
    int32_t level = 0;
    const std::string_view score = fields.back();
    const auto [rest, error] = std::from_chars(score.data(), score.data() + score.size(), level);
    const bool is_number = error == std::errc() && rest == score.data() + score.size();
    if (!is_number && line_number == 1) continue;  // the header
    if (!is_number || (fields.size() != 3 && fields.size() != 4)) {
      return fail(Code::corrupt,
                  fmt::format("{}:{}: \"query-id corpus-id score\" was expected", file.string(), line_number));
    }
    const auto query = queries.find(std::string(fields[0]));
    if (query != queries.end()) query->second->judged.emplace_back(fields[fields.size() - 2], level);
  }
  return {};
}

Result<std::vector<Query>> read_beir(const fs::path& queries_file, const fs::path& qrels_file) {
  std::vector<Query> out;
  LODE_TRY(each_row(queries_file, [&](const Row& row) -> Status {
    Query query;
    LODE_ASSIGN(query.id, row_id(row));
    LODE_ASSIGN(query.text, row.text("text"));
    out.push_back(std::move(query));
    return {};
  }));
  std::unordered_map<std::string, Query*> by_id;
  for (Query& query : out) {
    if (!by_id.emplace(query.id, &query).second) {
      return fail(Code::corrupt, fmt::format("{}: the query {} stands twice", queries_file.string(), query.id));
    }
  }
  LODE_TRY(read_qrels(qrels_file, by_id));
  return out;
}

Result<std::vector<Query>> read_pairs(const fs::path& file) {
  std::vector<Query> out;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    Query query;
    LODE_ASSIGN(query.id, row_id(row));
    LODE_ASSIGN(query.text, row.text("query"));
    if (const auto positives = row.value().get("positive_ids")) {
      for (const json::Value positive : positives->items()) {
        const auto id = id_text(positive);
        if (!id) return fail(Code::corrupt, fmt::format("{}: {} is no document's id", row.where(), positive.text()));
        query.judged.emplace_back(*id, 1);
      }
    } else {
      LODE_ASSIGN(const std::string positive, row.id("positive_id"));
      query.judged.emplace_back(positive, 1);
    }
    out.push_back(std::move(query));
    return {};
  }));
  return out;
}

Status check(const RetrievalData& data, const fs::path& folder) {
  std::unordered_set<std::string_view> ids;
  for (const Document& document : data.corpus) ids.insert(document.id);
  for (const Query& query : data.queries) {
    for (const auto& [document, level] : query.judged) {
      if (level > 0 && !ids.contains(document)) {
        return fail(Code::corrupt,
                    fmt::format("{}: the query {} has the relevant document {}, which the corpus lacks",
                                folder.string(), query.id, document),
                    "The data set is incomplete: get it again.");
      }
    }
  }
  return {};
}

}  // namespace

Result<RetrievalData> read_retrieval_data(const fs::path& folder, std::string_view split) {
  const std::string split_name(split);
  const auto corpus = find_packed(folder, "corpus.jsonl");
  const auto queries = find_packed(folder, "queries.jsonl"),
             qrels = find_packed(folder, "qrels/" + split_name + ".tsv");
  const auto pairs = find_packed(folder, split_name + ".jsonl");
  std::vector<std::string> missing;
  if (!corpus) missing.emplace_back("corpus.jsonl");
  if (!pairs && !(queries && qrels)) {
    if (!queries) missing.emplace_back("queries.jsonl");
    if (!qrels) missing.push_back("qrels/" + split_name + ".tsv");
  }
  if (!missing.empty()) {
    return fail(Code::not_found, fmt::format("{} lacks {}", folder.string(), fmt::join(missing, " and ")),
                "docs/evaluation.md has the layouts of data sets.");
  }
  RetrievalData data;
  LODE_ASSIGN(data.corpus, read_corpus(*corpus));
  if (queries && qrels) {
    LODE_ASSIGN(data.queries, read_beir(*queries, *qrels));
  } else {
    LODE_ASSIGN(data.queries, read_pairs(*pairs));
  }
  std::erase_if(data.queries, [](const Query& query) { return query.judged.empty(); });
  if (data.queries.empty()) return fail(Code::corrupt, fmt::format("{} has no judged query", folder.string()));
  LODE_TRY(check(data, folder));
  return data;
}

}  // namespace lode::eval

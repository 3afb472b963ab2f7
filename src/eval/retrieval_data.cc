#include "eval/retrieval_data.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/jsonl.h"
#include "eval/qrels.h"
#include "eval/retrieval_pairs.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

Result<std::string> row_id(const Row& row) {
  return row.id(row.value().find("_id") ? "_id" : "id");
}

Result<std::vector<Document>> read_corpus(const std::vector<fs::path>& files) {
  std::vector<Document> out;
  std::unordered_set<std::string> ids;
  const auto take = [&](const Row& row) -> Status {
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
  };
  for (const fs::path& file : files) LODE_TRY(each_row(file, take));
  return out;
}

Result<std::vector<Query>> read_judged_queries(const std::vector<fs::path>& queries_files, const fs::path& qrels_file) {
  std::vector<Query> out;
  std::unordered_set<std::string> ids;
  LODE_ASSIGN(Qrels qrels, read_qrels(qrels_file));
  for (const fs::path& file : queries_files) {
    LODE_TRY(each_row(file, [&](const Row& row) -> Status {
      Query query;
      LODE_ASSIGN(query.id, row_id(row));
      LODE_ASSIGN(query.text, row.text("text"));
      if (!ids.insert(query.id).second) {
        return fail(Code::corrupt, fmt::format("{}: the query {} stands twice", row.where(), query.id));
      }
      const auto judged = qrels.find(query.id);
      if (judged != qrels.end()) query.judged = std::move(judged->second);
      out.push_back(std::move(query));
      return {};
    }));
  }
  for (const auto& [query, judged] : qrels) {
    if (ids.contains(query)) continue;
    return fail(Code::corrupt,
                fmt::format("{} judges for the query {}, which {} lacks", qrels_file.string(), query,
                            queries_files.front().filename().string()),
                "The data set is incomplete: get it again.");
  }
  return out;
}

// Where the same document is judged twice, no score is right.
std::optional<std::string> judged_twice(const Query& query) {
  std::unordered_set<std::string_view> seen;
  for (const auto& [document, level] : query.judged) {
    if (!seen.insert(document).second) return fmt::format("the query {} has two judgements of {}", query.id, document);
  }
  return std::nullopt;
}

Result<std::vector<Query>> read_pairs(const fs::path& file) {
  std::vector<Query> out;
  std::unordered_set<std::string> ids;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    Query query;
    LODE_ASSIGN(query.id, row_id(row));
    LODE_ASSIGN(query.text, row.text("query"));
    if (!ids.insert(query.id).second) {
      return fail(Code::corrupt, fmt::format("{}: the query {} stands twice", row.where(), query.id));
    }
    if (const auto positives = row.value().get("positive_ids")) {
      if (!positives->is(json::Kind::array)) {
        return fail(Code::corrupt, fmt::format("{}: \"positive_ids\" is {}, a list of ids was expected", row.where(),
                                               positives->text(60)));
      }
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
    if (const auto twice = judged_twice(query)) {
      return fail(Code::corrupt, fmt::format("{}: {}", folder.string(), *twice));
    }
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

std::string Document::whole() const {
  const std::string joined = title.empty() ? text : title + " " + text;
  constexpr std::string_view kSpace = " \t\n\v\f\r\x1c\x1d\x1e\x1f";  // Python's, of ASCII
  const size_t first = joined.find_first_not_of(kSpace);
  return first == std::string::npos ? "" : joined.substr(first, joined.find_last_not_of(kSpace) + 1 - first);
}

std::vector<fs::path> find_parts(const fs::path& folder, const std::string& name) {
  if (const auto file = find_packed(folder, name + ".jsonl")) return {*file};
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder / name, error), end; !error && at != end; at.increment(error)) {
    const std::string file = at->path().filename().string();
    if (file.ends_with(".jsonl") || file.ends_with(".jsonl.gz") || file.ends_with(".jsonl.xz")) out.push_back(*at);
  }
  std::ranges::sort(out);
  return out;
}

std::optional<fs::path> find_qrels(const fs::path& folder, std::string_view split) {
  for (const char* ending : {".tsv", ".jsonl", ".txt", ".qrels"}) {
    if (auto file = find_packed(folder / "qrels", std::string(split) + ending)) return file;
  }
  if (auto file = find_packed(folder / "default", std::string(split) + ".jsonl")) return file;
  return std::nullopt;
}

Result<RetrievalData> read_retrieval_data(const fs::path& folder, std::string_view split) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return fail(Code::not_found, fmt::format("there is no folder {}", folder.string()),
                "docs/evaluation.md has the layouts of data sets.");
  }
  const auto corpus = find_parts(folder, "corpus"), queries = find_parts(folder, "queries");
  const auto qrels = find_qrels(folder, split);
  const auto pairs = find_packed(folder, std::string(split) + ".jsonl");
  if (corpus.empty() && pairs) return read_retrieval_pairs(*pairs, folder);
  const bool has_qrels = !queries.empty() && qrels;
  std::vector<std::string> missing;
  if (corpus.empty()) missing.emplace_back("corpus.jsonl");
  if (!pairs && !has_qrels) {
    if (queries.empty()) missing.emplace_back("queries.jsonl");
    if (!qrels) missing.push_back(fmt::format("qrels/{}.tsv", split));
  }
  if (!missing.empty()) {
    return fail(Code::not_found, fmt::format("{} lacks {}", folder.string(), fmt::join(missing, " and ")),
                "docs/evaluation.md has the layouts of data sets.");
  }
  RetrievalData data;
  LODE_ASSIGN(data.corpus, read_corpus(corpus));
  if (has_qrels) {
    LODE_ASSIGN(data.queries, read_judged_queries(queries, *qrels));
  } else {
    LODE_ASSIGN(data.queries, read_pairs(*pairs));
  }
  std::erase_if(data.queries, [](const Query& query) { return query.judged.empty(); });
  if (data.queries.empty()) return fail(Code::corrupt, fmt::format("{} has no judged query", folder.string()));
  LODE_TRY(check(data, folder));
  return data;
}

}  // namespace lode::eval

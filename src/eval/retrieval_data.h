// A retrieval task's data: documents, queries and judgements, from the layouts that the field uses. Everything is read
// and checked before anything is computed. Plain data; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct Document {
  std::string id;
  std::string title;
  std::string text;

  // What is indexed: title and text, as BEIR joins them, without white space around.
  [[nodiscard]] std::string whole() const;
};

struct Query {
  std::string id;
  std::string text;
  std::vector<std::pair<std::string, int32_t>> judged;  // document's id and level
};

struct RetrievalData {
  std::vector<Document> corpus;
  std::vector<Query> queries;  // those with a judgement
};

// The files of a name in the folder: NAME.jsonl (plain, .gz or .xz), or all *.jsonl of the folder NAME by name, as
// exports in parts have it. Empty: there are none.
std::vector<std::filesystem::path> find_parts(const std::filesystem::path& folder, const std::string& name);

// The judgements of a split: qrels/SPLIT.tsv, .jsonl, .txt or .qrels, or default/SPLIT.jsonl.
std::optional<std::filesystem::path> find_qrels(const std::filesystem::path& folder, std::string_view split);

// A folder with a corpus ("_id" or "id", "text", perhaps "title"; find_parts) and either
// - queries ("_id" or "id", "text"; find_parts) and the judgements of the split (find_qrels, read_qrels), or
// - SPLIT.jsonl with "id", "query" and "positive_id" or "positive_ids".
// Or, without a corpus, SPLIT.jsonl of pairs (retrieval_pairs.h).
// Queries without a judgement are dropped. Errors: not_found naming every file that is missing; corrupt for a file
// without rows, an id that stands twice, two judgements of a document, and one of a query or document that does not
// exist.
Result<RetrievalData> read_retrieval_data(const std::filesystem::path& folder, std::string_view split);

}  // namespace lode::eval

// A retrieval task's data: documents, queries and judgements, from the layouts that the field uses. Everything is read
// and checked before anything is computed. Plain data; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
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

  // What is indexed: title and text, as BEIR joins them.
  [[nodiscard]] std::string whole() const { return title.empty() ? text : title + " " + text; }
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

// A folder with corpus.jsonl (.gz, .xz or plain; "_id" or "id", "text", perhaps "title") and either
// - BEIR's queries.jsonl ("_id", "text") and qrels/SPLIT.tsv (query-id, corpus-id, score, with a header), or
// - SPLIT.jsonl with "id", "query" and "positive_id" or "positive_ids".
// Queries without a judgement are dropped. Errors: not_found naming every file that is missing; corrupt for an id that
// stands twice and for a judgement of a document that does not exist.
Result<RetrievalData> read_retrieval_data(const std::filesystem::path& folder, std::string_view split);

}  // namespace lode::eval

// Rows of a text and the code that it asks for, as retrieval: every code of the file once is the corpus, what a text
// asks for is the code of its row.
#pragma once

#include <filesystem>

#include "base/error.h"
#include "eval/retrieval_data.h"

namespace lode::eval {

// Rows have "query" and "code" or "sql", or "java" (the query) and "csharp". Where rows have a "split", those of "test"
// are the queries and all are the corpus. A train.jsonl beside a test.jsonl adds its codes to the corpus. Errors:
// corrupt, naming the row.
Result<RetrievalData> read_retrieval_pairs(const std::filesystem::path& file, const std::filesystem::path& folder);

}  // namespace lode::eval

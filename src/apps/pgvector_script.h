// A script for psql that makes a table of chunks with their vectors and an HNSW index over these, in one transaction.
// The column is vector(n_dims), so distances are those of the exact vectors; what the index is over depends on what
// pgvector indexes: vector up to 2,000 dimensions, halfvec up to 4,000, bit up to 64,000, the last two from pgvector
// 0.7 on (https://github.com/pgvector/pgvector, "Indexing"). The script's last comment is the query that uses it.
// PostgreSQL takes no NUL in a text: U+FFFD stands for it. Main thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apps/chunk_writer.h"
#include "base/error.h"

namespace lode::apps {

inline constexpr int64_t kMostVectorDims = 2000;
inline constexpr int64_t kMostHalfvecDims = 4000;
inline constexpr int64_t kMostColumnDims = 16'000;

// Errors: unsupported for more than kMostColumnDims, invalid_argument for a table's name that is not
// [SCHEMA.]NAME of lower-case letters, digits and _; io.
Result<std::unique_ptr<ChunkWriter>> open_pgvector_script(const std::string& path, const ExportedIndex& index);

}  // namespace lode::apps

// Chunks of an index, with their vectors, in a form that other systems read: a JSON object a line; a matrix in .npy
// with such lines beside it; or a script for PostgreSQL with pgvector (pgvector_script.h). Row by row, so that memory
// does not grow with the index; files appear when they are whole. Main thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "search/tree_chunks.h"

namespace lode::apps {

enum class ExportFormat : uint8_t { jsonl, npy, pgvector };

// What is exported, as the output says of itself.
struct ExportedIndex {
  std::string folder;
  std::string commit;  // "" of a folder
  std::string model;   // "": without vectors, jsonl alone
  int64_t n_dims = 0;
  std::string table;  // of pgvector
};

class ChunkWriter {
 public:
  // path "-" is stdout, which npy, being two files, does not take: OUT.npy and OUT.jsonl, whether OUT or OUT.npy is
  // named. Errors: invalid_argument, io, unsupported for more dimensions than the format takes.
  static Result<std::unique_ptr<ChunkWriter>> open(ExportFormat format, const std::string& path,
                                                   const ExportedIndex& index);

  virtual ~ChunkWriter() = default;
  ChunkWriter() = default;
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

  // vector: [n_dims], finite; empty without a model.
  virtual Status write(const search::TreeChunk& chunk, std::span<const float> vector) = 0;
  virtual Status finish() = 0;
};

// {"path", "start_line", "end_line", "language", "symbol", "kind", "text", "copies", "content", "chunk", "model",
// "vector"} and a newline; without a model not the last two, without a vector not the last.
std::string chunk_line(const search::TreeChunk& chunk, const std::string& model, std::span<const float> vector);

// A content's hash in hex.
std::string content_id(const search::ContentHash& hash);

}  // namespace lode::apps

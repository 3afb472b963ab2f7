// Vectors to a file: .npy (float32 [n, d]), .safetensors (one tensor "embeddings") or JSON lines. A file appears under
// its name only when it is whole: rows go to a temporary file beside it, which finish() renames and the destructor
// otherwise removes. JSON lines may go to stdout. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lode::apps {

struct VectorRow {
  uint64_t index = 0;        // of the text in the input
  std::string_view id_json;  // the row's id as JSON text; empty where the input had none
  int64_t n_tokens = 0;
  std::span<const float> vector;
};

class VectorWriter {
 public:
  // path "" or "-" is JSON lines on stdout, else the extension decides. n_dims is the length of every vector.
  static Result<std::unique_ptr<VectorWriter>> open(const std::string& path, int64_t n_dims);

  virtual ~VectorWriter() = default;
  VectorWriter() = default;
  VectorWriter(const VectorWriter&) = delete;
  VectorWriter& operator=(const VectorWriter&) = delete;

  virtual Status write(const VectorRow& row) = 0;
  virtual Status finish() = 0;
};

// Whether open() would take this path: an error that lists the formats otherwise.
Status check_vector_path(const std::string& path);

}  // namespace lode::apps

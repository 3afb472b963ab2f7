// Vectors to the body of an answer to POST /v1/embeddings. Numbers are the shortest that read back as the same float;
// base64 is of the bytes that element_type.h names. Stateless; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/element_type.h"
#include "server/embedding_request.h"

namespace lode::server {

struct VectorFormat {
  Encoding encoding = Encoding::floats;
  ElementType element_type = ElementType::float32;
};

// vectors: [n, dims] row-major, row i is data[i]. `model` is the served id. Errors: internal when a value is not finite
// (JSON has no word for it).
Result<std::string> embedding_response(std::span<const float> vectors, size_t dims, VectorFormat format,
                                       std::string_view model, int64_t n_tokens);

}  // namespace lode::server

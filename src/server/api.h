// The wire contract of POST /v1/embeddings: bytes to a typed request, vectors to response bytes. JSON stops here.
// Lenient where published clients need it (null is absent, unknown fields are ignored, an empty text is a text);
// refuses what would give other vectors than the caller thinks: token ids, other dimensions, other element types.
// Stateless; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "embed/prompt.h"
#include "server/api_error.h"

namespace lode::server {

enum class Encoding : uint8_t { floats, base64 };

// More texts than this in one request are refused.
inline constexpr size_t kMaxInputs = 8192;

struct EmbeddingRequest {
  std::vector<std::string> inputs{};  // at least one, any of them may be empty
  std::string model{};                // as asked for; empty: the served one
  embed::InputType input_type = embed::InputType::unspecified;
  embed::Truncate truncate = embed::Truncate::none;
  Encoding encoding = Encoding::floats;
  std::optional<int64_t> dimensions{};
  std::optional<std::string> instruction{};  // extension: in front of each text, verbatim; beats input_type
  std::optional<std::string> task{};         // extension: fills the model's template; beats input_type
};

std::expected<EmbeddingRequest, ApiError> parse_embedding_request(std::string_view body);

// The response body. vectors: [n, dims] row-major, row i is data[i]. `model` is the served id. Numbers are the shortest
// that read back as the same float. Errors: internal when a value is not finite (JSON has no word for it).
Result<std::string> embedding_response(std::span<const float> vectors, size_t dims, Encoding encoding,
                                       std::string_view model, int64_t n_tokens);

}  // namespace lode::server

// The body of POST /v1/embeddings as a typed request. Lenient where published clients need it (null is absent, unknown
// fields are ignored, an empty text is a text); refuses what would give other vectors than the caller thinks: token
// ids, images, unknown choices. With `strict_nim` it refuses what a NIM container refuses as well. What depends on the
// model (dimensions, tasks, lengths) is the route's to check. Stateless; any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embed/prompt.h"
#include "server/api_error.h"
#include "server/element_type.h"

namespace lode::server {

enum class Encoding : uint8_t { floats, base64 };

struct RequestLimits {
  bool strict_nim = false;        // unknown fields, our extensions, empty texts and a null encoding_format are refused
  bool allow_dimensions = true;   // strict only: NIM knows the field for Matryoshka models alone
  bool accept_token_ids = false;  // `input` may be ids of the model's own tokenizer
  size_t max_inputs = 8192;       // texts of one request
};

struct EmbeddingRequest {
  std::vector<std::string> inputs{};              // at least one, any of them may be empty; or
  std::vector<std::vector<int64_t>> token_ids{};  // at least one, none of them empty
  std::string model{};                            // as asked for; empty: the served one
  embed::InputType input_type = embed::InputType::unspecified;
  embed::Truncate truncate = embed::Truncate::none;
  Encoding encoding = Encoding::floats;
  ElementType element_type = ElementType::float32;
  std::optional<int64_t> dimensions{};
  std::optional<std::string> instruction{};  // extension: in front of each text, verbatim; beats input_type
  std::optional<std::string> task{};         // extension: fills the model's template; beats input_type

  [[nodiscard]] size_t n_inputs() const { return token_ids.empty() ? inputs.size() : token_ids.size(); }
};

std::expected<EmbeddingRequest, ApiError> parse_embedding_request(std::string_view body,
                                                                  const RequestLimits& limits = {});

// White space only, or nothing: what NIM and OpenAI refuse and the models embed as their bare special tokens.
bool is_blank(std::string_view utf8);

}  // namespace lode::server

// The bodies of POST /v1/tokenize and POST /v1/similarity as typed requests; lenient as embedding_request.h is.
// Stateless; any thread.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "embed/prompt.h"
#include "server/api_error.h"

namespace lode::server {

struct TokenizeRequest {
  std::vector<std::string> inputs{};  // at least one
  std::string model{};
  embed::InputType input_type = embed::InputType::unspecified;
  // Who asks for tokens wants to know whether they fit, so the cut is shown rather than refused.
  embed::Truncate truncate = embed::Truncate::end;
  std::optional<std::string> instruction{};
  std::optional<std::string> task{};
};

// More cosines than this in one request are refused: the matrix is n by m where the texts are n plus m.
inline constexpr size_t kMaxScores = size_t{1} << 18;

struct SimilarityRequest {
  std::vector<std::string> queries{};   // at least one
  std::vector<std::string> passages{};  // at least one
  std::string model{};
  embed::Truncate truncate = embed::Truncate::none;
  std::optional<std::string> task{};  // of the queries
  std::optional<std::string> query_instruction{};
  std::optional<std::string> passage_instruction{};
};

std::expected<TokenizeRequest, ApiError> parse_tokenize_request(std::string_view body, size_t max_inputs);
std::expected<SimilarityRequest, ApiError> parse_similarity_request(std::string_view body, size_t max_inputs);

}  // namespace lode::server

// POST /v1/embeddings at any server that speaks OpenAI's form: one call is one list of texts, asked again while the
// server is busy or gone. What only some servers take (input_type, truncate, base64) is switched by EmbeddingsForm. The
// answer is checked: as many vectors as texts, each once, of one length, finite. One thread at a time each.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/http_client.h"
#include "base/error.h"
#include "embed/prompt.h"

namespace lode::apps {

struct EmbeddingsServer {
  std::string url;  // of the embeddings themselves: embeddings_url()
  std::string model;
  std::string api_key;  // may be empty
  std::string ca_file;  // PEM authorities instead of the system's; may be empty
  int n_retries = 8;
  std::chrono::milliseconds first_pause{500};  // doubled from try to try, at most 32 s; Retry-After may ask for more
  int64_t stall_seconds = 600;                 // a busy server computes for long
};

struct EmbeddingsForm {
  bool input_type = true;  // "query" or "passage": NIM, Lodestone
  bool truncate = true;    // "END": the same
  bool base64 = true;
};

struct EmbeddingsRequest {
  std::span<const std::string> texts;
  embed::InputType side = embed::InputType::passage;
  std::string_view task;  // Lodestone's extension, sent where it is not empty
};

struct EmbeddingsAnswer {
  size_t n_dims = 0;
  std::vector<float> vectors;  // [texts, n_dims]
};

struct EmbeddingsFailure {
  Error error;
  bool of_request = false;  // the server does not take these texts or this form (400, 413, 422): another may do
};

class EmbeddingsClient {
 public:
  explicit EmbeddingsClient(EmbeddingsServer server) : server_(std::move(server)) {}

  // `stop` ends the waiting between two tries. Errors: permission, not_found, overloaded, unavailable, io, corrupt (the
  // answer is none), cancelled.
  std::expected<EmbeddingsAnswer, EmbeddingsFailure> embed(const EmbeddingsRequest& request, EmbeddingsForm form,
                                                           const std::atomic<bool>& stop);
  // The name of the first model that the server lists.
  Result<std::string> first_model();

 private:
  struct Reply;
  std::expected<Reply, HttpFailure> send(const std::string& url, std::optional<std::string> json);
  [[nodiscard]] EmbeddingsFailure refused(const Reply& reply, int n_tries) const;

  EmbeddingsServer server_;
  HttpClient http_;
};

// Where an endpoint's embeddings are: .../embeddings as it is, behind a path "/embeddings", else "/v1/embeddings".
std::string embeddings_url(std::string_view endpoint);
std::string embeddings_body(const EmbeddingsRequest& request, EmbeddingsForm form, std::string_view model);
// Errors: corrupt, with what is wrong with the answer.
Result<EmbeddingsAnswer> parse_embeddings(std::string_view body, size_t n_texts);

}  // namespace lode::apps

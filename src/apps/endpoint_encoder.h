// A model behind an OpenAI-compatible server, for evaluations: texts go out in small lists of similar length, several
// at a time, and come back as unit vectors. What the server takes (input_type, truncate, base64) and the vectors'
// length are found out by one short request when it is opened. A list that is refused is asked for again in halves, so
// that a server's limits on lists do not matter and a text that is refused by itself is named. One thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/embeddings_client.h"
#include "base/error.h"
#include "eval/encoder.h"

namespace lode::apps {

// automatic: sent where the server takes it.
enum class SendInputType : unsigned char { automatic, on, off };

struct EndpointOptions {
  EmbeddingsServer server;  // an empty model: the first one that the server lists
  size_t n_connections = 4;
  size_t n_texts = 32;  // of one request
  SendInputType input_type = SendInputType::automatic;
  // Put in front of texts, for models whose client must do that; {task} in it becomes the task's instruction.
  std::string query_prefix;
  std::string passage_prefix;
  bool send_task = false;  // the task's instruction as "task", which Lodestone's servers put into the model's template
  std::function<void(std::string_view)> on_note{};  // told when opened, of what the server does not take
};

class EndpointEncoder final : public eval::Encoder {
 public:
  // Errors: those of EmbeddingsClient.
  static Result<std::unique_ptr<EndpointEncoder>> open(EndpointOptions options);

  [[nodiscard]] int64_t dims() const override { return n_dims_; }
  [[nodiscard]] Result<std::string> applied(const eval::Prompt& prompt) const override;
  Status encode_each(std::span<const std::string> texts, const eval::Prompt& prompt,
                     const eval::OnVector& on_vector) override;

  [[nodiscard]] const std::string& model() const { return options_.server.model; }
  // For index::VectorCache. A server that serves another model under the same name is not told apart.
  [[nodiscard]] std::string identity() const;

 private:
  struct Batch;
  struct Exchange;
  explicit EndpointEncoder(EndpointOptions options) : options_(std::move(options)) {}
  Status learn();
  [[nodiscard]] std::string prefix(const eval::Prompt& prompt) const;
  void work(EmbeddingsClient& client, Exchange& exchange) const;
  Result<std::vector<float>> embed(EmbeddingsClient& client, const EmbeddingsRequest& request,
                                   const std::atomic<bool>& stop) const;

  EndpointOptions options_;
  EmbeddingsForm form_;
  int64_t n_dims_ = 0;
  std::vector<std::unique_ptr<EmbeddingsClient>> clients_;
};

}  // namespace lode::apps

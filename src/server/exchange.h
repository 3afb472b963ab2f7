// What is known of one request while it is answered: names for the log, counts and seconds for the metrics. Whoever
// learns something writes it (gate, routes, http, one after the other, never two at a time); whoever ends the exchange
// reads it. Texts, vectors and keys are not in it. Plain data.
#pragma once

#include <cstdint>
#include <string>

namespace lode::server {

struct Exchange {
  std::string request_id{};   // the client's x-request-id, or ours
  std::string traceparent{};  // W3C trace context as it came; empty without
  std::string key_name{};     // of the API key; empty without keys
  std::string route{};        // as the route table has it: "/v1/embeddings"; empty: no such route
  std::string model{};        // id of the served model
  std::string error{};        // machine-readable reason of a refusal: "model_not_found"

  int64_t n_inputs = 0;
  int64_t n_tokens = 0;     // after truncation, special tokens included
  int64_t n_truncated = 0;  // inputs that were cut
  int64_t n_empty = 0;      // inputs of white space only

  double tokenize_s = 0;  // all inputs of the request
  double queue_s = 0;     // from submission to the first pass
  double compute_s = 0;   // of the passes that it was part of
  double format_s = 0;    // vectors to response body
};

}  // namespace lode::server

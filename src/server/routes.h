// From a request to the code that answers it. Parsing, tokenising and formatting happen on the HTTP server's threads;
// only the queue's engine thread computes, and it hands the vectors straight back. Refuses unknown routes (404) and
// methods (405, with Allow). handle() is called by many threads at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "server/http.h"
#include "server/models.h"

namespace lode::server {

class Routes {
 public:
  explicit Routes(Models models);

  void handle(Request request, Respond respond);

  // From here on the server is not ready and refuses to embed (503); health and models still answer.
  void drain() { draining_ = true; }

 private:
  void embeddings(const Request& request, Respond respond);
  [[nodiscard]] Response model_list() const;
  [[nodiscard]] Response health(bool ready_asked) const;
  [[nodiscard]] Response greeting(const Request& request) const;

  Models models_;
  int64_t started_;  // seconds since 1970
  std::atomic<bool> draining_ = false;
};

// What to paste to get a first vector out of the server at `url`.
std::string first_request(const std::string& url);

}  // namespace lode::server

// From a request to the code that answers it. Parsing, tokenising and formatting happen on the HTTP server's threads;
// the queue's engine computes, and hands the vectors straight back. Refuses unknown routes (404) and
// methods (405, with Allow). handle() is called by many threads at once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/api_error.h"
#include "server/http.h"
#include "server/info_routes.h"
#include "server/models.h"
#include "server/route_table.h"
#include "server/routes_options.h"

namespace lode::server {

class Routes {
 public:
  explicit Routes(Models models, RoutesOptions options = {});

  void handle(Request request, Respond respond);

  // From here on the server is not ready and refuses texts (503); the other routes still answer.
  void drain() { draining_ = true; }

 private:
  // Of the page, whatever the method; empty where there is none of this name.
  [[nodiscard]] std::optional<Response> asset(const Request& request) const;
  [[nodiscard]] Response wrong_method(const Request& request, std::string_view allow) const;
  [[nodiscard]] Response page_or_not_found(const Request& request) const;
  void answer_search(const Request& request, Respond respond, Route route) const;
  void answer_texts(const Request& request, Respond respond, Route route) const;
  [[nodiscard]] Response info(const Request& request, Route route) const;
  [[nodiscard]] Response refusal(const Request& request, int status, const ApiError& error) const;

  Models models_;
  RoutesOptions options_;
  std::string openapi_;
  int64_t started_s_;  // since 1970
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::atomic<bool> draining_ = false;
};

}  // namespace lode::server

// One request on its way through a route, and the ways out: an answer, a refusal, or the engine's vectors. The call is
// one thread's; compute() answers later from others.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "embed/queue.h"
#include "server/api_error.h"
#include "server/http.h"
#include "server/models.h"
#include "server/routes_options.h"
#include "server/text_sequences.h"

namespace lode::server {

struct RouteCall {
  const Models& models;          // outlives every answer
  const RoutesOptions& options;  // outlives every answer
  const Request& request;
  Respond respond;

  [[nodiscard]] Exchange& exchange() const { return *request.exchange; }
  [[nodiscard]] ErrorStyle error_style() const { return options.strict_nim ? ErrorStyle::nim : ErrorStyle::openai; }

  void answer(Response response);
  void refuse(const ApiError& error);
  void refuse(int status, const ApiError& error);
};

// The model that `name` means; says so in the exchange.
std::expected<Models::Match, ApiError> find_model(const RouteCall& call, const std::string& name);

// Vectors to the answer's body; runs on an HTTP thread.
using MakeBody = std::move_only_function<Result<std::string>(embed::Computed)>;

// Has the sequences computed and answers, with the counts of the exchange in the header; the call is spent.
void compute(RouteCall call, const ServedModel& model, Sequences sequences, MakeBody make_body);

// x-lode-truncated, when inputs were cut.
void add_counts(const Exchange& exchange, Response& response);

}  // namespace lode::server

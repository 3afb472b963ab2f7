#include "server/route_call.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/excerpt.h"

namespace lode::server {

namespace {

ApiError unknown_model(const Models& models, const std::string& asked) {
  return {.code = Code::not_found,
          .message = fmt::format("The model '{}' is not served here. Served: {}", excerpt(asked),
                                 fmt::join(models.names(), ", ")),
          .hint = fmt::format(
              "Ask for a served name, or get the other with `lode pull {0}` and `lode serve --model {0}`, or "
              "let a served model answer to this name with `lode serve --alias {0}=MODEL`.",
              excerpt(asked)),
          .reason = "model_not_found",
          .param = "model"};
}

// What has to live until the engine is done. The exchange is written by one thread after the other.
struct Waiting {
  Respond respond;
  std::shared_ptr<Exchange> exchange;
  ErrorStyle style;
  MakeBody make_body;

  Response refusal(const ApiError& error) const {
    exchange->error = reason_of(error);
    return error_response(error, style);
  }

  Response response(Result<embed::Computed> computed) {
    if (!computed) return refusal(to_api_error(computed.error()));
    exchange->queue_s = computed->timing.queue_s;
    exchange->compute_s = computed->timing.compute_s;
    const auto begun = std::chrono::steady_clock::now();
    auto body = make_body(std::move(*computed));
    if (!body) return refusal(to_api_error(body.error()));
    exchange->format_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    Response response{.body = std::move(*body)};
    add_counts(*exchange, response);
    return response;
  }
};

}  // namespace

void RouteCall::answer(Response response) {
  respond([response = std::move(response)]() mutable { return std::move(response); });
}

void RouteCall::refuse(const ApiError& error) {
  refuse(http_status(error.code), error);
}

void RouteCall::refuse(int status, const ApiError& error) {
  exchange().error = reason_of(error);
  answer(error_response(status, error, error_style()));
}

std::expected<Models::Match, ApiError> find_model(const RouteCall& call, const std::string& name) {
  const auto match = call.options.accept_any_model ? call.models.find_or_first(name) : call.models.find(name);
  if (!match) return std::unexpected(unknown_model(call.models, name));
  call.exchange().model = match->model->id;
  return *match;
}

void compute(RouteCall call, const ServedModel& model, Sequences sequences, MakeBody make_body) {
  // Shared, because a refused submit drops `done` without calling it, and the refusal has to be answered as well.
  const auto waiting = std::make_shared<Waiting>(std::move(call.respond), call.request.exchange, call.error_style(),
                                                 std::move(make_body));
  auto done = [waiting](Result<embed::Computed> computed) {
    waiting->respond(
        [waiting, computed = std::move(computed)]() mutable { return waiting->response(std::move(computed)); });
  };
  if (auto submitted = model.service->submit(std::move(sequences), call.request.gone, std::move(done)); !submitted) {
    waiting->respond(
        [response = waiting->refusal(to_api_error(submitted.error()))]() mutable { return std::move(response); });
  }
}

void add_counts(const Exchange& exchange, Response& response) {
  if (exchange.n_truncated > 0) {
    response.headers.push_back({"x-lode-truncated", std::to_string(exchange.n_truncated)});
  }
}

}  // namespace lode::server

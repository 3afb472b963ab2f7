#include "server/routes.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <fmt/format.h>

#include "base/excerpt.h"
#include "server/openapi.h"
#include "server/route_call.h"
#include "server/search_routes.h"
#include "server/text_routes.h"

namespace lode::server {

namespace {

void answer(Respond& respond, Response response) {
  respond([response = std::move(response)]() mutable { return std::move(response); });
}

bool same_letters(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return (x | 32) == (y | 32); });
}

// Browsers name text/html; curl and the SDKs do not.
bool wants_html(const Request& request) {
  return std::ranges::any_of(request.headers, [](const Header& header) {
    return same_letters(header.name, "Accept") && header.value.find("text/html") != std::string::npos;
  });
}

bool is_read(const Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

ApiError shutting_down() {
  return {.code = Code::unavailable,
          .message = "The server is shutting down",
          .hint = "Send the request to another server, or again when it is back."};
}

// What a client may do with a path; a body would have no meaning.
Response options_response(std::string_view allow) {
  return {.status = 204, .content_type = "", .headers = {{"Allow", std::string(allow)}}};
}

}  // namespace

Routes::Routes(Models models, RoutesOptions options)
    : models_(std::move(models)),
      options_(std::move(options)),
      openapi_(openapi_document(models_, options_)),
      started_s_(std::time(nullptr)) {}

void Routes::handle(Request request, Respond respond) {
  if (request.method == "OPTIONS" && request.target == "*") {
    return answer(respond, options_response("GET, HEAD, POST, OPTIONS"));
  }
  const RouteEntry* const entry = find_route(request.target);
  if (entry == nullptr) return answer(respond, page_or_not_found(request));
  request.exchange->route = entry->name;
  const std::string_view allow = allowed_methods(*entry);
  if (request.method == "OPTIONS") return answer(respond, options_response(allow));
  if (entry->post ? request.method != "POST" : !is_read(request)) {
    return answer(respond, wrong_method(request, allow));
  }
  if (is_search_route(entry->route)) return answer_search(request, std::move(respond), entry->route);
  if (entry->post) return answer_texts(request, std::move(respond), entry->route);
  answer(respond, info(request, entry->route));
}

Response Routes::wrong_method(const Request& request, std::string_view allow) const {
  Response refused =
      refusal(request, 405,
              {.code = Code::invalid_argument,
               .message = fmt::format("{} does not take {}", excerpt(request.target), excerpt(request.method)),
               .hint = fmt::format("It takes {}.", allow),
               .reason = "method_not_allowed"});
  refused.headers.push_back({"Allow", std::string(allow)});
  return refused;
}

std::optional<Response> Routes::asset(const Request& request) const {
  if (!options_.page) return {};
  auto read = is_read(request) ? options_.page(request) : options_.page({.method = "GET", .target = request.target});
  if (!read) return {};
  const RouteEntry* const page = find_route("/");
  request.exchange->route = page->name;
  if (is_read(request)) return read;
  const std::string_view allow = allowed_methods(*page);
  return request.method == "OPTIONS" ? options_response(allow) : wrong_method(request, allow);
}

Response Routes::page_or_not_found(const Request& request) const {
  if (auto answered = asset(request)) return std::move(*answered);
  return refusal(request, 404,
                 {.code = Code::not_found,
                  .message = fmt::format("There is no {}", excerpt(request.target)),
                  .hint = fmt::format("There are {}.", known_routes()),
                  .reason = "route_not_found"});
}

void Routes::answer_search(const Request& request, Respond respond, Route route) const {
  RouteCall call{models_, options_, request, std::move(respond)};
  if (draining_) return call.refuse(shutting_down());
  answer_search_route(std::move(call), route);
}

void Routes::answer_texts(const Request& request, Respond respond, Route route) const {
  RouteCall call{models_, options_, request, std::move(respond)};
  if (draining_) return call.refuse(shutting_down());
  if (route == Route::tokenize) return answer_tokenize(std::move(call));
  if (route == Route::similarity) return answer_similarity(std::move(call));
  answer_embeddings(std::move(call));
}

Response Routes::info(const Request& request, Route route) const {
  const auto up = std::chrono::steady_clock::now() - begun_;
  const ServerState state{.models = models_,
                          .options = options_,
                          .started_s = started_s_,
                          .uptime_s = std::chrono::duration_cast<std::chrono::seconds>(up).count(),
                          .draining = draining_};
  switch (route) {
    case Route::models: return model_list(state);
    case Route::live: return live_response();
    case Route::ready: return ready_response(state);
    case Route::metadata: return metadata_response(state);
    case Route::manifest: return manifest_response(state);
    case Route::license: return license_response(state);
    case Route::version: return version_response(state);
    case Route::status: return status_response(state);
    case Route::metrics: return metrics_response(state);
    case Route::openapi: return {.body = openapi_};
    case Route::embeddings:
    case Route::tokenize:
    case Route::similarity:
    case Route::search:
    case Route::similar:
    case Route::index:
    case Route::mcp:
    case Route::greeting: break;
  }
  if (options_.page && wants_html(request)) {
    if (auto page = options_.page(request)) return std::move(*page);
  }
  return greeting(state, request);
}

Response Routes::refusal(const Request& request, int status, const ApiError& error) const {
  request.exchange->error = reason_of(error);
  return error_response(status, error, options_.strict_nim ? ErrorStyle::nim : ErrorStyle::openai);
}

}  // namespace lode::server

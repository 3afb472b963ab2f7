#include "server/search_routes.h"

#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "mcp/file_answers.h"
#include "search/search_json.h"
#include "server/mcp_route.h"
#include "server/search_request.h"
#include "server/search_service.h"

namespace lode::server {
namespace {

using Json = nlohmann::ordered_json;

std::string body_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ApiError no_index() {
  return {.code = Code::not_found,
          .message = "No index is served here",
          .hint = "Start the server with `lode serve --index DIR`.",
          .reason = "no_index"};
}

// Has a body made by a thread of the service. `asked` is the field that an invalid argument is about, as far as that is
// only seen there. The call is spent.
void answer_later(RouteCall call, std::string_view asked, std::move_only_function<Result<std::string>()> make_body) {
  struct Held {
    Respond respond;
    std::shared_ptr<Exchange> exchange;
    std::stop_token gone;
    ErrorStyle style;
    std::string_view asked;
    std::move_only_function<Result<std::string>()> make_body;

    Response refusal(const Error& error) const {
      ApiError api = to_api_error(error);
      if (error.code == Code::invalid_argument) api.param = asked;
      exchange->error = reason_of(api);
      return error_response(api, style);
    }
    void answer(Response response) {
      respond([response = std::move(response)]() mutable { return std::move(response); });
    }
  };
  SearchService& service = *call.options.search;
  const auto held = std::make_shared<Held>(std::move(call.respond), call.request.exchange, call.request.gone,
                                           call.error_style(), asked, std::move(make_body));
  const Status submitted = service.submit([held] {
    if (held->gone.stop_requested()) return held->answer(held->refusal({Code::cancelled, "gone", ""}));
    auto body = held->make_body();
    if (!body) return held->answer(held->refusal(body.error()));
    held->answer({.body = *std::move(body)});
  });
  if (!submitted) held->answer(held->refusal(submitted.error()));
}

// The one index that was asked, or what all hold together.
Result<Json> about(search::Library& library, std::optional<size_t> only, const search::SearchResult& result) {
  if (library.size() == 1) only = 0;
  if (only) {
    LODE_ASSIGN(const auto status, library.status(*only));
    return search::index_json(status.about, result);
  }
  search::SearchedIndex sum;
  for (size_t i = 0; i < library.size(); ++i) {
    LODE_ASSIGN(const auto status, library.status(i));
    sum.n_files += status.about.n_files;
    sum.n_chunks += status.about.n_chunks;
  }
  Json out = search::index_json(sum, result);
  out["path"] = out["folder"] = nullptr;
  return out;
}

Result<std::string> found_body(search::Library& library, const search::SearchQuery& query, std::string_view mode,
                               const search::SearchResult& result, std::optional<size_t> only) {
  Json hits = Json::array();
  for (const search::Hit& hit : result.hits) hits.push_back(search::hit_json(hit));
  LODE_ASSIGN(Json index, about(library, only, result));
  return body_text({{"query", query.text},
                    {"mode", mode},
                    {"n_found", result.n_found},
                    {"hits", std::move(hits)},
                    {"index", std::move(index)}});
}

void answer_search(RouteCall call) {
  auto parsed = parse_search_request(call.request.body);
  if (!parsed) return call.refuse(parsed.error());
  search::Library& library = call.options.search->library();
  std::optional<size_t> only;
  if (parsed->index) {
    const auto named = library.named(*parsed->index);
    if (!named) {
      ApiError error = to_api_error(named.error());
      error.reason = "index_not_found";
      error.param = "index";
      return call.refuse(error);
    }
    only = *named;
  }
  parsed->query.gone = call.request.gone;
  answer_later(std::move(call), "query", [&library, query = std::move(parsed->query), only]() -> Result<std::string> {
    LODE_ASSIGN(const auto result, library.search(query, only));
    return found_body(library, query, search::name_of(query.mode), result, only);
  });
}

void answer_similar(RouteCall call) {
  auto parsed = parse_similar_request(call.request.body);
  if (!parsed) return call.refuse(parsed.error());
  search::Library& library = call.options.search->library();
  answer_later(std::move(call), "", [&library, asked = *std::move(parsed)]() -> Result<std::string> {
    auto found = library.similar(asked.path, asked.line, asked.filters);
    // A line that the file does not have is as a file that the index does not have.
    if (!found && found.error().code == Code::invalid_argument) found.error().code = Code::not_found;
    LODE_ASSIGN(const auto result, std::move(found));
    search::SearchQuery query;
    query.text = asked.path + ":" + std::to_string(asked.line);
    return found_body(library, query, "similar", result, std::nullopt);
  });
}

void answer_index(RouteCall call) {
  search::Library& library = call.options.search->library();
  answer_later(std::move(call), "", [&library]() -> Result<std::string> {
    return body_text({{"object", "list"}, {"data", mcp::index_states(library)}});
  });
}

}  // namespace

bool is_search_route(Route route) {
  return route == Route::search || route == Route::similar || route == Route::index || route == Route::mcp;
}

void answer_search_route(RouteCall call, Route route) {
  if (call.options.search == nullptr) return call.refuse(no_index());
  if (route == Route::search) return answer_search(std::move(call));
  if (route == Route::similar) return answer_similar(std::move(call));
  if (route == Route::mcp) return answer_mcp(std::move(call));
  answer_index(std::move(call));
}

}  // namespace lode::server

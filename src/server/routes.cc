#include "server/routes.h"

#include <algorithm>
#include <ctime>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "server/api.h"

namespace lode::server {

namespace {

using Json = nlohmann::ordered_json;

enum class Route : uint8_t { greeting, embeddings, models, live, ready };

struct Entry {
  std::string_view path;  // without /v1
  Route route;
  bool post = false;  // else GET and HEAD
};

constexpr Entry kRoutes[] = {
    {"", Route::greeting},         {"/embeddings", Route::embeddings, true}, {"/models", Route::models},
    {"/health/live", Route::live}, {"/health/ready", Route::ready},
};

// The path that the table knows: no scheme and host, no query, no trailing slashes, no /v1.
std::string_view route_path(std::string_view target) {
  if (const size_t scheme = target.find("://"); scheme != std::string_view::npos && !target.starts_with('/')) {
    target.remove_prefix(std::min(target.size(), target.find('/', scheme + 3)));
  }
  target = target.substr(0, target.find_first_of("?#"));
  while (target.ends_with('/')) target.remove_suffix(1);
  if (target.starts_with("/v1") && (target.size() == 3 || target[3] == '/')) target.remove_prefix(3);
  return target;
}

void answer(Respond& respond, Response response) {
  respond([response = std::move(response)]() mutable { return std::move(response); });
}

Response json_response(int status, const Json& body) {
  return {.status = status, .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

std::string_view vendor_of(std::string_view id) {
  const size_t slash = id.find('/');
  return slash == std::string_view::npos ? "lodestone" : id.substr(0, slash);
}

// What a client sent, short enough to be repeated in a message.
std::string_view shortened(std::string_view text) {
  return text.substr(0, 200);
}

ApiError unknown_model(const Models& models, const std::string& asked) {
  return {.code = Code::not_found,
          .message = fmt::format("The model '{}' is not served here. Served: {}", shortened(asked),
                                 fmt::join(models.names(), ", ")),
          .hint = fmt::format(
              "Ask for a served name, or get the other with `lode pull {0}` and `lode serve --model {0}`, or "
              "let a served model answer to this name with `lode serve --alias {0}=MODEL`.",
              shortened(asked)),
          .reason = "model_not_found",
          .param = "model"};
}

// Explicit words of the request come first, then input_type, then the suffix of the model's name; a text is a passage
// when nothing says otherwise.
Result<std::string> instruction_of(const EmbeddingRequest& request, const Models::Match& match) {
  const model::ModelConfig& config = match.model->service->config();
  if (request.instruction) return *request.instruction;
  if (request.task) return embed::task_instruction(config, *request.task);
  embed::InputType type = request.input_type;
  if (type == embed::InputType::unspecified) type = match.input_type;
  if (type == embed::InputType::unspecified) type = embed::InputType::passage;
  return std::string(embed::default_instruction(config, type));
}

std::expected<std::vector<embed::TokenSequence>, ApiError> tokenize(const EmbeddingRequest& request,
                                                                    const Models::Match& match) {
  const EmbeddingService& service = *match.model->service;
  if (request.dimensions && *request.dimensions != service.dims()) {
    return std::unexpected(schema_error({.type = "value_error",
                                         .location = {"dimensions"},
                                         .expected = fmt::format("Input should be {}, the model's own", service.dims()),
                                         .seen = std::to_string(*request.dimensions)}));
  }
  const auto instruction = instruction_of(request, match);
  if (!instruction) return std::unexpected(to_api_error(instruction.error()));
  std::vector<embed::TokenSequence> sequences;
  sequences.reserve(request.inputs.size());
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    auto sequence = service.tokenize(request.inputs[i], *instruction, request.truncate);
    if (!sequence) {
      ApiError error = to_api_error(sequence.error());
      if (error.code == Code::too_long) {
        error.hint = R"(Send a shorter text, or "truncate": "END" (or "START") to have it cut.)";
      }
      error.hint += fmt::format("{}This is input {} of {}, counted from 0.", error.hint.empty() ? "" : " ", i,
                                request.inputs.size());
      error.param = "input";
      return std::unexpected(std::move(error));
    }
    sequences.push_back(std::move(*sequence));
  }
  return sequences;
}

}  // namespace

Routes::Routes(Models models) : models_(std::move(models)), started_(std::time(nullptr)) {}

void Routes::handle(Request request, Respond respond) {
  const std::string_view path = route_path(request.target);
  const Entry* entry = std::ranges::find(kRoutes, path, &Entry::path);
  if (entry == std::end(kRoutes)) {
    return answer(respond,
                  error_response({.code = Code::not_found,
                                  .message = fmt::format("There is no {}", shortened(request.target)),
                                  .hint = "There are POST /v1/embeddings, GET /v1/models, GET /v1/health/live and "
                                          "GET /v1/health/ready.",
                                  .reason = "route_not_found"}));
  }
  const bool get = request.method == "GET" || request.method == "HEAD";
  if (entry->post ? request.method != "POST" : !get) {
    const std::string allow = entry->post ? "POST" : "GET, HEAD";
    Response refusal = error_response(
        405, {.code = Code::invalid_argument,
              .message = fmt::format("{} does not take {}", shortened(request.target), shortened(request.method)),
              .hint = "It takes " + allow + ".",
              .reason = "method_not_allowed"});
    refusal.headers.push_back({"Allow", allow});
    return answer(respond, std::move(refusal));
  }
  switch (entry->route) {
    case Route::greeting: return answer(respond, greeting(request));
    case Route::embeddings: return embeddings(request, std::move(respond));
    case Route::models: return answer(respond, model_list());
    case Route::live: return answer(respond, health(/*ready_asked=*/false));
    case Route::ready: return answer(respond, health(/*ready_asked=*/true));
  }
}

void Routes::embeddings(const Request& request, Respond respond) {
  if (draining_) {
    return answer(respond, error_response({.code = Code::unavailable,
                                           .message = "The server is shutting down",
                                           .hint = "Send the request to another server, or again when it is back."}));
  }
  const auto parsed = parse_embedding_request(request.body);
  if (!parsed) return answer(respond, error_response(parsed.error()));
  const auto match = models_.find(parsed->model);
  if (!match) return answer(respond, error_response(unknown_model(models_, parsed->model)));
  auto sequences = tokenize(*parsed, *match);
  if (!sequences) return answer(respond, error_response(sequences.error()));

  int64_t n_tokens = 0;
  for (const embed::TokenSequence& sequence : *sequences) n_tokens += std::ssize(sequence.ids);
  // Shared, because a refused submit drops `done` without calling it, and the refusal has to be answered as well.
  const auto shared = std::make_shared<Respond>(std::move(respond));
  auto done = [shared, n_tokens, model = match->model, encoding = parsed->encoding](Result<embed::Computed> computed) {
    (*shared)([computed = std::move(computed), n_tokens, model, encoding]() -> Response {
      if (!computed) return error_response(to_api_error(computed.error()));
      const auto dims = static_cast<size_t>(model->service->dims());
      auto body = embedding_response(computed->vectors, dims, encoding, model->id, n_tokens);
      if (!body) return error_response(to_api_error(body.error()));
      return {.body = std::move(*body)};
    });
  };
  if (auto submitted = match->model->service->submit(std::move(*sequences), request.gone, std::move(done));
      !submitted) {
    answer(*shared, error_response(to_api_error(submitted.error())));
  }
}

Response Routes::model_list() const {
  Json data = Json::array();
  for (const std::string& name : models_.names()) {
    data.push_back({{"id", name},
                    {"object", "model"},
                    {"created", started_},
                    {"owned_by", vendor_of(name)},
                    {"root", name},
                    {"parent", nullptr},
                    {"permission", Json::array()}});
  }
  return json_response(200, {{"object", "list"}, {"data", std::move(data)}});
}

Response Routes::health(bool ready_asked) const {
  if (!ready_asked) return json_response(200, {{"object", "health.response"}, {"message", "live"}, {"live", true}});
  if (draining_) {
    return json_response(503, {{"object", "health.response"}, {"message", "shutting down"}, {"ready", false}});
  }
  return json_response(200, {{"object", "health.response"}, {"message", "ready"}, {"ready", true}});
}

Response Routes::greeting(const Request& request) const {
  const auto host = std::ranges::find_if(request.headers, [](const Header& h) { return h.name == "Host"; });
  const std::string url = "http://" + (host == request.headers.end() ? "127.0.0.1:8080" : host->value);
  return {.content_type = "text/plain; charset=utf-8",
          .body = fmt::format("Lodestone turns texts into vectors. Served here: {}\n\nPaste next:\n\n  {}\n",
                              fmt::join(models_.names(), ", "), first_request(url))};
}

std::string first_request(const std::string& url) {
  return fmt::format(R"(curl -s {}/v1/embeddings -H 'Content-Type: application/json' -d '{{"input": "hello, world"}}')",
                     url);
}

}  // namespace lode::server

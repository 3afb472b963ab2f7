#include "server/info_routes.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "server/element_type.h"
#include "server/search_service.h"

namespace lode::server {

namespace {

using Json = nlohmann::ordered_json;

Response json_response(int status, const Json& body) {
  return {.status = status, .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

std::string_view vendor_of(std::string_view id) {
  const size_t slash = id.find('/');
  return slash == std::string_view::npos ? "lodestone" : id.substr(0, slash);
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json or_null(int64_t n) {
  return n == 0 ? Json(nullptr) : Json(n);
}

// NIM's licenseInfo; strings are never null there. Without the licence's file, `content` is what is known of it.
Json license_info(const ModelCard& card) {
  std::string content = card.licence_text;
  if (content.empty() && card.licence.empty()) content = "The model's folder does not say under which licence it is.";
  if (content.empty()) {
    content = fmt::format("{}{}{}", card.licence, card.restriction.empty() ? "" : ": ", card.restriction);
  }
  const size_t size = content.size();
  return {{"name", card.licence.empty() ? "not stated" : card.licence},
          {"path", card.licence_file},
          {"sha", card.licence_sha256},
          {"size", size},
          {"url", card.licence_url},
          {"type", card.licence_text.empty() ? "summary" : "file"},
          {"content", std::move(content)},
          {"restriction", or_null(card.restriction)}};
}

Json card_json(const ServedModel& model) {
  const EmbeddingService& service = *model.service;
  const model::ModelConfig& config = service.config();
  const ModelCard& card = model.card;
  return {{"id", model.id},
          {"title", or_null(card.title)},
          {"family", config.family},
          {"url", or_null(card.url)},
          {"license",
           {{"name", or_null(card.licence)},
            {"restriction", or_null(card.restriction)},
            {"url", or_null(card.licence_url)},
            {"source", or_null(card.licence_source)}}},
          {"parameters", or_null(card.n_parameters)},
          {"dimensions", service.dims()},
          {"max_tokens", service.max_tokens()},
          {"max_positions", or_null(config.max_positions)},
          {"published_max_tokens", or_null(card.published_max_tokens)},
          {"trained_tokens", or_null(card.trained_tokens)},
          {"languages", card.languages},
          {"limits", card.limits},
          {"pooling", model::name(config.pooling)},
          {"attention", model::name(config.attention)},
          {"normalized", config.normalize},
          {"int8_scale", int8_scale(static_cast<size_t>(service.dims()))}};
}

const ModelCard& first_card(const Models& models) {
  static const ModelCard kNone;
  return models.served().empty() ? kNone : models.served().front().card;
}

}  // namespace

Response model_list(const ServerState& state) {
  Json data = Json::array();
  for (const std::string& name : state.models.names()) {
    data.push_back({{"id", name},
                    {"object", "model"},
                    {"created", state.started_s},
                    {"owned_by", vendor_of(name)},
                    {"root", name},
                    {"parent", nullptr},
                    {"permission", Json::array()}});
  }
  return json_response(200, {{"object", "list"}, {"data", std::move(data)}});
}

Response live_response() {
  return json_response(200, {{"object", "health.response"}, {"message", "live"}, {"live", true}});
}

Response ready_response(const ServerState& state) {
  const char* const message = state.draining ? "shutting down" : "ready";
  return json_response(state.draining ? 503 : 200,
                       {{"object", "health.response"}, {"message", message}, {"ready", !state.draining}});
}

Response version_response(const ServerState& state) {
  return json_response(200, {{"release", state.options.version}, {"api", kApiVersion}});
}

Response status_response(const ServerState& state) {
  Json models = Json::array();
  for (const ServedModel& model : state.models.served()) {
    const EmbeddingService& service = *model.service;
    const model::Prompts& prompts = service.config().prompts;
    const embed::QueueState queue = service.queue_state();
    const embed::QueueOptions limits = service.queue_limits();
    models.push_back(
        {{"id", model.id},
         {"aliases", model.aliases},
         {"dimensions", service.dims()},
         {"max_tokens", service.max_tokens()},
         {"default", models.empty()},
         {"prompts",
          {{"task_template", prompts.task_template}, {"query", prompts.query}, {"passage", prompts.passage}}},
         {"license", {{"name", or_null(model.card.licence)}, {"restriction", or_null(model.card.restriction)}}},
         {"queue",
          {{"waiting_requests", queue.waiting_requests},
           {"waiting_tokens", queue.waiting_tokens},
           {"max_requests", limits.max_requests},
           {"max_tokens", limits.max_tokens}}}});
  }
  Json indexes = Json::array();
  if (state.options.search != nullptr) {
    const search::Library& library = state.options.search->library();
    for (size_t i = 0; i < library.size(); ++i) indexes.push_back(library.name(i));
  }
  return json_response(200, {{"status", state.draining ? "draining" : "ready"},
                             {"version", state.options.version},
                             {"uptime_s", state.uptime_s},
                             {"models", std::move(models)},
                             {"indexes", std::move(indexes)}});
}

Response metrics_response(const ServerState& state) {
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = state.options.metrics_text ? state.options.metrics_text() : ""};
}

Response metadata_response(const ServerState& state) {
  Json assets = Json::array();
  Json infos = Json::array();
  Json cards = Json::array();
  for (const ServedModel& model : state.models.served()) {
    assets.push_back(model.id);
    infos.push_back({{"modelUrl", model.card.url}, {"shortName", model.id}});
    cards.push_back(card_json(model));
  }
  const std::string profile = state.models.served().empty() ? "" : state.models.served().front().id + ":cpu";
  return json_response(200, {{"assetInfo", std::move(assets)},
                             {"licenseInfo", license_info(first_card(state.models))},
                             {"modelInfo", std::move(infos)},
                             {"repository_override", ""},
                             {"version", state.options.version},
                             {"selectedModelProfileId", profile},
                             {"models", std::move(cards)}});
}

Response license_response(const ServerState& state) {
  Json body = license_info(first_card(state.models));
  body["models"] = Json::array();
  for (const ServedModel& model : state.models.served()) {
    Json one = license_info(model.card);
    one["id"] = model.id;
    body["models"].push_back(std::move(one));
  }
  return json_response(200, body);
}

Response manifest_response(const ServerState& state) {
  // YAML, in which a JSON string is a string.
  std::string manifest = "models:\n";
  for (const ServedModel& model : state.models.served()) {
    manifest += fmt::format("  - id: {}\n    url: {}\n    dimensions: {}\n    max_tokens: {}\n", Json(model.id).dump(),
                            Json(model.card.url).dump(), model.service->dims(), model.service->max_tokens());
  }
  return json_response(200, {{"manifest_file", std::move(manifest)}, {"repository_override", ""}});
}

Response greeting(const ServerState& state, const Request& request) {
  const auto host = std::ranges::find_if(request.headers, [](const Header& h) { return h.name == "Host"; });
  const std::string url = "http://" + (host == request.headers.end() ? "127.0.0.1:8080" : host->value);
  return {.content_type = "text/plain; charset=utf-8",
          .body = fmt::format("Lodestone turns texts into vectors. Served here: {}\n\nPaste next:\n\n  {}\n",
                              fmt::join(state.models.names(), ", "), first_request(url))};
}

std::string first_request(const std::string& url) {
  return fmt::format(R"(curl -s {}/v1/embeddings -H 'Content-Type: application/json' -d '{{"input": "hello, world"}}')",
                     url);
}

}  // namespace lode::server

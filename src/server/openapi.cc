#include "server/openapi.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "code/language.h"
#include "server/info_routes.h"
#include "server/route_table.h"
#include "server/search_routes.h"

namespace lode::embedded {
std::string_view openapi_json();
}

namespace lode::server {

namespace {

using Json = nlohmann::ordered_json;

void set_max_items(Json& json, size_t max) {
  if (json.is_object() && json.contains("maxItems") && json["maxItems"] == 8192) json["maxItems"] = max;
  for (Json& part : json) {
    if (part.is_structured()) set_max_items(part, max);
  }
}

void fill_models(Json& schemas, const Models& models, const RoutesOptions& options) {
  Json& model = schemas["Model"];
  model["anyOf"][0]["enum"] = models.names();
  model["examples"] = models.names();
  if (options.accept_any_model) model["description"] = "Any name; one that is not served means the first model.";
}

void fill_dimensions(Json& dimensions, const Models& models, const RoutesOptions& options) {
  std::set<int64_t> own;
  for (const ServedModel& model : models.served()) own.insert(model.service->dims());
  if (own.empty()) return;
  if (options.allow_truncated_dims) {
    dimensions["maximum"] = *own.rbegin();
    return;
  }
  dimensions.erase("minimum");
  dimensions.erase("type");
  dimensions["enum"] = own;
  dimensions["enum"].push_back(nullptr);
}

// Where no model takes a task, only an empty one is right.
void fill_task(Json& task, const Models& models) {
  const bool taken = std::ranges::any_of(
      models.served(), [](const ServedModel& model) { return !model.service->config().prompts.task_template.empty(); });
  if (taken) return;
  task["enum"] = {"", nullptr};
  task.erase("type");
  task.erase("examples");
}

void fill_default_input_type(Json& schema, const RoutesOptions& options) {
  using embed::InputType;
  schema["default"] = options.default_input_type == InputType::query     ? Json("query")
                      : options.default_input_type == InputType::passage ? Json("passage")
                                                                         : Json(nullptr);
}

void allow_token_ids(Json& input, const Models& models) {
  int64_t vocab_size = std::numeric_limits<int32_t>::max();
  for (const ServedModel& model : models.served()) {
    const int64_t own = model.service->config().vocab_size;
    if (own > 0) vocab_size = std::min(vocab_size, own);
  }
  const Json ids = {
      {"description", "Ids of the model's own tokenizer, special tokens included; no prompt goes in front."},
      {"type", "array"},
      {"minItems", 1},
      {"items", {{"type", "integer"}, {"minimum", 0}, {"maximum", vocab_size - 1}}}};
  input["anyOf"].push_back(ids);
  input["anyOf"].push_back({{"type", "array"}, {"minItems", 1}, {"maxItems", 8192}, {"items", ids}});
}

void make_strict(Json& schemas, const RoutesOptions& options) {
  Json& request = schemas["EmbeddingRequest"];
  for (const char* extension : {"messages", "output_dtype", "instruction", "task"})
    request["properties"].erase(extension);
  if (!options.allow_truncated_dims) request["properties"].erase("dimensions");
  request["properties"]["encoding_format"]["enum"] = {"float", "base64"};
  request["properties"]["input"] = {{"$ref", "#/components/schemas/StrictInput"}};
  request["required"] = {"input"};
  request["additionalProperties"] = false;
  request["description"] =
      "As a NIM container reads it: other fields, empty texts and a null encoding_format are refused, and a model "
      "whose "
      "prompts for queries and passages differ wants input_type, unless its name says it with -query or -passage.";
  for (const char* key : {"anyOf", "not", "examples"}) request.erase(key);
  schemas["StrictInput"] = schemas["Input"];
  Json text = {{"type", "string"}, {"pattern", R"(\S)"}};
  schemas["StrictInput"]["anyOf"][0] = text;
  schemas["StrictInput"]["anyOf"][1]["items"] = std::move(text);
  Json& error = schemas["Error"];
  error["properties"]["error"] = {{"type", "string"}};
  error["properties"]["type"] = {{"type", "string"}};
  error["properties"]["param"] = {{"type", {"string", "null"}}};
  error["properties"]["code"] = {{"type", {"string", "null"}}};
}

void ask_for_keys(Json& document, const RoutesOptions& options) {
  document["security"] = {{{"bearer", Json::array()}}, {{"api-key", Json::array()}}};
  const auto open = [&](const char* path) { document["paths"][path]["get"]["security"] = Json::array(); };
  open("/");
  open("/openapi.json");
  if (options.open_health) open("/v1/health/live");
  if (options.open_health) open("/v1/health/ready");
  if (options.open_metrics) open("/v1/metrics");
}

}  // namespace

std::string openapi_document(const Models& models, const RoutesOptions& options) {
  Json document = Json::parse(embedded::openapi_json());
  document["info"]["version"] = kApiVersion;
  document["info"]["x-release"] = options.version;
  Json& schemas = document["components"]["schemas"];
  fill_models(schemas, models, options);
  fill_dimensions(schemas["EmbeddingRequest"]["properties"]["dimensions"], models, options);
  fill_task(schemas["Task"], models);
  fill_default_input_type(schemas["InputType"], options);
  if (options.accept_token_ids) allow_token_ids(schemas["Input"], models);
  schemas["Language"]["enum"] = code::language_names();
  set_max_items(document, options.max_inputs);
  if (options.search == nullptr) {
    for (const RouteEntry& entry : route_table()) {
      if (is_search_route(entry.route)) document["paths"].erase(std::string(entry.name));
    }
  }
  if (options.strict_nim) make_strict(schemas, options);
  if (options.asks_for_key) ask_for_keys(document, options);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lode::server

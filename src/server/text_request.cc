#include "server/text_request.h"

#include <utility>

#include <fmt/format.h>

#include "server/request_fields.h"

namespace lode::server {

namespace {

using json::Value;

Checked read_truncate(const Value& body, embed::Truncate& truncate) {
  using embed::Truncate;
  const Choice<Truncate> choices[] = {
      {"", truncate}, {"NONE", Truncate::none}, {"START", Truncate::start}, {"END", Truncate::end}};
  return read_choice(body, "truncate", choices, truncate);
}

Checked read_required_texts(const Value& body, const std::string& key, size_t max, std::vector<std::string>& texts) {
  const auto value = body.get(key);
  if (!value) return violates("missing", {key}, "Field required");
  return read_texts(*value, key, max, texts);
}

Checked read_task(const Value& body, const std::string& instruction_key, const std::optional<std::string>& instruction,
                  std::optional<std::string>& task) {
  if (auto checked = read_string(body, "task", task); !checked) return checked;
  if (task && task->empty()) task.reset();
  if (!instruction || !task) return {};
  return violates("value_error", {"task"}, fmt::format("Input should have '{}' or 'task', not both", instruction_key));
}

Checked read(const Value& body, size_t max_inputs, TokenizeRequest& request) {
  using embed::InputType;
  static constexpr Choice<InputType> kTypes[] = {
      {"", InputType::unspecified}, {"query", InputType::query}, {"passage", InputType::passage}};
  if (auto checked = read_required_texts(body, "input", max_inputs, request.inputs); !checked) return checked;
  if (auto checked = read_string(body, "model", request.model); !checked) return checked;
  if (auto checked = read_choice(body, "input_type", kTypes, request.input_type); !checked) return checked;
  if (auto checked = read_truncate(body, request.truncate); !checked) return checked;
  if (auto checked = read_string(body, "instruction", request.instruction); !checked) return checked;
  return read_task(body, "instruction", request.instruction, request.task);
}

Checked read(const Value& body, size_t max_inputs, SimilarityRequest& request) {
  if (auto checked = read_required_texts(body, "queries", max_inputs, request.queries); !checked) return checked;
  if (auto checked = read_required_texts(body, "passages", max_inputs, request.passages); !checked) return checked;
  const size_t n_queries = request.queries.size();
  const size_t n_passages = request.passages.size();
  if (n_queries * n_passages > kMaxScores) {
    return violates(
        "too_long", {"passages"},
        fmt::format("Queries times passages should be at most {}, they are {}", kMaxScores, n_queries * n_passages));
  }
  if (auto checked = read_string(body, "model", request.model); !checked) return checked;
  if (auto checked = read_truncate(body, request.truncate); !checked) return checked;
  if (auto checked = read_string(body, "query_instruction", request.query_instruction); !checked) return checked;
  if (auto checked = read_string(body, "passage_instruction", request.passage_instruction); !checked) return checked;
  return read_task(body, "query_instruction", request.query_instruction, request.task);
}

template <class Request>
std::expected<Request, ApiError> parse(std::string_view body, size_t max_inputs) {
  const auto document = parse_object(body);
  if (!document) return Refusal(document.error());
  Request request;
  if (auto checked = read(document->root(), max_inputs, request); !checked) return Refusal(std::move(checked).error());
  return request;
}

}  // namespace

std::expected<TokenizeRequest, ApiError> parse_tokenize_request(std::string_view body, size_t max_inputs) {
  return parse<TokenizeRequest>(body, max_inputs);
}

std::expected<SimilarityRequest, ApiError> parse_similarity_request(std::string_view body, size_t max_inputs) {
  return parse<SimilarityRequest>(body, max_inputs);
}

}  // namespace lode::server

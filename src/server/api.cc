#include "server/api.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "base/float_text.h"
#include "base/json.h"
#include "server/base64.h"

namespace lode::server {

// Vectors go out as they lie in memory.
static_assert(std::endian::native == std::endian::little);

namespace {

using json::Kind;
using json::Value;
using Failure = std::unexpected<ApiError>;
using Checked = std::expected<void, ApiError>;

Failure violates(std::string type, std::vector<std::string> location, std::string expected,
                 std::optional<Value> seen = {}) {
  return Failure(schema_error({.type = std::move(type),
                               .location = std::move(location),
                               .expected = std::move(expected),
                               .seen = seen ? seen->text() : std::string()}));
}

// Leaves `out` as it is where the key is absent or null.
Checked read_string(const Value& body, const std::string& key, std::optional<std::string>& out) {
  const auto value = body.get(key);
  if (!value) return {};
  const auto text = value->as_string();
  if (!text) return violates("string_type", {key}, "Input should be a valid string", value);
  out = std::string(*text);
  return {};
}

template <class Enum>
struct Choice {
  std::string_view name;
  Enum value;
};

// Leaves `out` as it is where the key is absent or null.
template <class Enum, size_t n>
Checked read_choice(const Value& body, const std::string& key, const Choice<Enum> (&choices)[n], Enum& out) {
  const auto value = body.get(key);
  if (!value) return {};
  const auto text = value->as_string();
  std::string expected;
  for (const Choice<Enum>& choice : choices) {
    if (text == choice.name) {
      out = choice.value;
      return {};
    }
    if (choice.name.empty()) continue;  // taken, but not advertised
    if (!expected.empty()) expected += &choice == &choices[n - 1] ? " or " : ", ";
    expected += fmt::format("'{}'", choice.name);
  }
  return violates("literal_error", {key}, "Input should be " + expected, value);
}

bool is_number(const Value& value) {
  return value.is(Kind::integer) || value.is(Kind::number);
}

Failure token_ids(const Value& seen) {
  Failure failure = violates("string_type", {"input"}, "Input should be a string or a list of strings", seen);
  failure.error().hint =
      "input: token ids are another tokenizer's numbers here, send texts. In langchain's OpenAIEmbeddings set "
      "check_embedding_ctx_length=False.";
  return failure;
}

Checked read_input(const Value& input, std::vector<std::string>& texts) {
  if (const auto text = input.as_string()) {
    texts.emplace_back(*text);
    return {};
  }
  if (!input.is(Kind::array)) {
    return violates("string_type", {"input"}, "Input should be a string or a list of strings", input);
  }
  const std::vector<Value> items = input.items();
  if (items.empty()) return violates("too_short", {"input"}, "List should have at least 1 item", input);
  if (is_number(items.front()) || items.front().is(Kind::array)) return token_ids(input);
  if (items.size() > kMaxInputs) {
    return violates("too_long", {"input"},
                    fmt::format("List should have at most {} items, it has {}", kMaxInputs, items.size()));
  }
  texts.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const auto text = items[i].as_string();
    if (!text) return violates("string_type", {"input", std::to_string(i)}, "Input should be a valid string", items[i]);
    texts.emplace_back(*text);
  }
  return {};
}

// A message's content: a string, null, or a list of {"type": "text", "text": ...} parts.
Checked append_content(const Value& message, size_t index, std::string& all) {
  const std::vector<std::string> where{"messages", std::to_string(index), "content"};
  const auto content = message.get("content");
  if (!content) return {};
  if (const auto text = content->as_string()) {
    all += *text;
    return {};
  }
  if (!content->is(Kind::array)) {
    return violates("string_type", where, "Input should be a string or a list of text parts", content);
  }
  for (const Value& part : content->items()) {
    const auto type = part.get("type");
    const auto text = part.get("text");
    if ((type && type->as_string() != "text") || !text || !text->as_string()) {
      return violates("literal_error", where, "Input should be parts of type 'text' with a string 'text'", part);
    }
    all += *text->as_string();
  }
  return {};
}

// A chat body stands for one text: all its contents, one after the other.
Checked read_messages(const Value& messages, std::vector<std::string>& texts) {
  if (!messages.is(Kind::array)) return violates("list_type", {"messages"}, "Input should be a valid list", messages);
  const std::vector<Value> items = messages.items();
  if (items.empty()) return violates("too_short", {"messages"}, "List should have at least 1 item", messages);
  std::string all;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is(Kind::object)) {
      return violates("dict_type", {"messages", std::to_string(i)}, "Input should be an object", items[i]);
    }
    if (auto checked = append_content(items[i], i, all); !checked) return checked;
  }
  texts.push_back(std::move(all));
  return {};
}

Checked read_texts(const Value& body, EmbeddingRequest& request) {
  if (const auto input = body.get("input")) return read_input(*input, request.inputs);
  if (const auto messages = body.get("messages")) return read_messages(*messages, request.inputs);
  return violates("missing", {"input"}, "Field required");
}

Checked read_model(const Value& body, EmbeddingRequest& request) {
  std::optional<std::string> model;
  if (auto checked = read_string(body, "model", model); !checked) return checked;
  request.model = model.value_or("");
  return {};
}

// Clients that cannot leave these two out send "" for "not chosen".
Checked read_input_type(const Value& body, EmbeddingRequest& request) {
  using embed::InputType;
  static constexpr Choice<InputType> kChoices[] = {
      {"", InputType::unspecified}, {"query", InputType::query}, {"passage", InputType::passage}};
  return read_choice(body, "input_type", kChoices, request.input_type);
}

Checked read_truncate(const Value& body, EmbeddingRequest& request) {
  using embed::Truncate;
  static constexpr Choice<Truncate> kChoices[] = {
      {"", Truncate::none}, {"NONE", Truncate::none}, {"START", Truncate::start}, {"END", Truncate::end}};
  return read_choice(body, "truncate", kChoices, request.truncate);
}

Checked read_encoding(const Value& body, EmbeddingRequest& request) {
  static constexpr Choice<Encoding> kChoices[] = {{"float", Encoding::floats}, {"base64", Encoding::base64}};
  return read_choice(body, "encoding_format", kChoices, request.encoding);
}

// Other element types would be other vectors than the ones asked for, so they are refused rather than ignored.
Checked read_embedding_type(const Value& body, EmbeddingRequest& request) {
  static constexpr Choice<Encoding> kChoices[] = {{"float", Encoding::floats}};
  Encoding ignored = request.encoding;
  return read_choice(body, "embedding_type", kChoices, ignored);
}

Checked read_dimensions(const Value& body, EmbeddingRequest& request) {
  const auto value = body.get("dimensions");
  if (!value) return {};
  request.dimensions = value->as_int();
  if (!request.dimensions) return violates("int_type", {"dimensions"}, "Input should be a valid integer", value);
  return {};
}

Checked read_prompt(const Value& body, EmbeddingRequest& request) {
  if (auto checked = read_string(body, "instruction", request.instruction); !checked) return checked;
  if (auto checked = read_string(body, "task", request.task); !checked) return checked;
  if (request.task && request.task->empty()) request.task.reset();
  if (request.instruction && request.task) {
    return violates("value_error", {"task"}, "Input should have 'instruction' or 'task', not both");
  }
  return {};
}

void append_floats(std::string& out, std::span<const float> vector) {
  out += '[';
  for (size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) out += ',';
    append_float(out, vector[i]);
  }
  out += ']';
}

}  // namespace

std::expected<EmbeddingRequest, ApiError> parse_embedding_request(std::string_view body) {
  const auto document = json::Document::parse(body, "request body");
  if (!document) return violates("json_invalid", {}, document.error().message);
  const Value root = document->root();
  if (!root.is(Kind::object)) return violates("dict_type", {}, "Input should be an object", root);

  EmbeddingRequest request;
  for (const auto read : {read_texts, read_model, read_input_type, read_truncate, read_encoding, read_embedding_type,
                          read_dimensions, read_prompt}) {
    if (auto checked = read(root, request); !checked) return Failure(std::move(checked).error());
  }
  return request;
}

Result<std::string> embedding_response(std::span<const float> vectors, size_t dims, Encoding encoding,
                                       std::string_view model, int64_t n_tokens) {
  if (!std::ranges::all_of(vectors, [](float x) { return std::isfinite(x); })) {
    return fail(Code::internal, "The model gave a value that is not finite");
  }
  const size_t chars_per_value = encoding == Encoding::base64 ? 6 : 13;
  std::string out;
  out.reserve(vectors.size() * chars_per_value + (vectors.size() / dims + 4) * 64);
  out += R"({"object":"list","data":[)";
  for (size_t i = 0; i * dims < vectors.size(); ++i) {
    const auto vector = vectors.subspan(i * dims, dims);
    fmt::format_to(std::back_inserter(out), R"({}{{"index":{},"embedding":)", i > 0 ? "," : "", i);
    if (encoding == Encoding::base64) {
      out += '"';
      append_base64(out, std::as_bytes(vector));
      out += '"';
    } else {
      append_floats(out, vector);
    }
    out += R"(,"object":"embedding"})";
  }
  fmt::format_to(std::back_inserter(out), R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                 json::quote(model), n_tokens, n_tokens);
  return out;
}

}  // namespace lode::server

#include "server/embedding_request.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "server/request_fields.h"

namespace lode::server {

namespace {

using json::Kind;
using json::Value;

bool is_number(const Value& value) {
  return value.is(Kind::integer) || value.is(Kind::number);
}

Refusal token_ids_refused(const Value& seen) {
  Refusal refusal = violates("string_type", {"input"}, "Input should be a string or a list of strings", seen);
  refusal.error().hint =
      "input: token ids are another tokenizer's numbers here, send texts. In langchain's OpenAIEmbeddings set "
      "check_embedding_ctx_length=False. (A server started with --accept-token-ids takes the model's own ids.)";
  return refusal;
}

Checked read_ids(const Value& list, const std::vector<std::string>& location, std::vector<int64_t>& ids) {
  if (list.size() == 0) return violates("too_short", location, "List should have at least 1 item", list);
  for (const Value& item : list.items()) {
    const auto id = integer_of(item);
    if (!id) return violates("int_type", location, "Input should be a list of token ids, all of them integers", item);
    ids.push_back(*id);
  }
  return {};
}

Checked read_token_ids(const Value& input, const std::vector<Value>& items, const RequestLimits& limits,
                       EmbeddingRequest& request) {
  if (!limits.accept_token_ids) return token_ids_refused(input);
  if (is_number(items.front())) return read_ids(input, {"input"}, request.token_ids.emplace_back());
  if (items.size() > limits.max_inputs) {
    return violates("too_long", {"input"},
                    fmt::format("List should have at most {} items, it has {}", limits.max_inputs, items.size()));
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const std::vector<std::string> location{"input", std::to_string(i)};
    if (!items[i].is(Kind::array))
      return violates("list_type", location, "Input should be a list of token ids", items[i]);
    if (auto checked = read_ids(items[i], location, request.token_ids.emplace_back()); !checked) return checked;
  }
  return {};
}

Checked read_input(const Value& input, const RequestLimits& limits, EmbeddingRequest& request) {
  if (input.is(Kind::array) && input.size() > 0) {
    const Value first = input.items().front();
    if (is_number(first) || first.is(Kind::array)) return read_token_ids(input, input.items(), limits, request);
  }
  return read_texts(input, "input", limits.max_inputs, request.inputs);
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

Checked read_what(const Value& body, const RequestLimits& limits, EmbeddingRequest& request) {
  if (const auto input = body.get("input")) return read_input(*input, limits, request);
  if (const auto messages = body.get("messages")) return read_messages(*messages, request.inputs);
  return violates("missing", {"input"}, "Field required");
}

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

Checked read_format(const Value& body, EmbeddingRequest& request) {
  static constexpr Choice<Encoding> kEncodings[] = {{"float", Encoding::floats}, {"base64", Encoding::base64}};
  static constexpr Choice<ElementType> kTypes[] = {{"float", ElementType::float32},
                                                   {"int8", ElementType::int8},
                                                   {"uint8", ElementType::uint8},
                                                   {"binary", ElementType::binary},
                                                   {"ubinary", ElementType::ubinary}};
  if (auto checked = read_choice(body, "encoding_format", kEncodings, request.encoding); !checked) return checked;
  // The second is others' name for the first.
  if (auto checked = read_choice(body, "output_dtype", kTypes, request.element_type); !checked) return checked;
  return read_choice(body, "embedding_type", kTypes, request.element_type);
}

// "text", for all inputs or for each.
Checked read_modality(const Value& body, EmbeddingRequest&) {
  const auto value = body.get("modality");
  if (!value) return {};
  const std::vector<Value> each = value->is(Kind::array) ? value->items() : std::vector{*value};
  for (const Value& modality : each) {
    if (modality.as_string() == "text") continue;
    return Refusal(schema_error({.type = "literal_error",
                                 .location = {"modality"},
                                 .expected = "Input should be 'text', the models served here read nothing else",
                                 .seen = modality.text(),
                                 .choices = "'text'"}));
  }
  return {};
}

Checked read_rest(const Value& body, EmbeddingRequest& request) {
  if (auto checked = read_string(body, "model", request.model); !checked) return checked;
  if (auto checked = read_integer(body, "dimensions", request.dimensions); !checked) return checked;
  if (auto checked = read_string(body, "instruction", request.instruction); !checked) return checked;
  if (auto checked = read_string(body, "task", request.task); !checked) return checked;
  if (request.task && request.task->empty()) request.task.reset();
  if (request.instruction && request.task) {
    return violates("value_error", {"task"}, "Input should have 'instruction' or 'task', not both");
  }
  return {};
}

Checked check_as_nim(const Value& body, const RequestLimits& limits) {
  static constexpr std::string_view kKnown[] = {"model",           "input",          "input_type",
                                                "encoding_format", "embedding_type", "truncate",
                                                "modality",        "user",           "dimensions"};
  const std::span<const std::string_view> known(kKnown);
  if (auto checked = forbid_others(body, limits.allow_dimensions ? known : known.first(known.size() - 1)); !checked) {
    return checked;
  }
  const auto encoding = body.find("encoding_format");
  if (!encoding || !encoding->is(Kind::null)) return {};
  static constexpr std::string_view kEncodings[] = {"float", "base64"};
  return no_such_choice("encoding_format", kEncodings, *encoding);
}

Checked check_texts_as_nim(const std::vector<std::string>& texts) {
  const auto blank = std::ranges::find_if(texts, is_blank);
  if (blank == texts.end()) return {};
  return Refusal(schema_error({.type = "value_error",
                               .location = {"input", std::to_string(blank - texts.begin())},
                               .expected = "Input text should not be empty or all whitespace",
                               .seen = json::quote(blank->substr(0, 20))}));
}

}  // namespace

std::expected<EmbeddingRequest, ApiError> parse_embedding_request(std::string_view body, const RequestLimits& limits) {
  const auto document = parse_object(body);
  if (!document) return Refusal(document.error());
  const Value root = document->root();
  EmbeddingRequest request;
  if (limits.strict_nim) {
    if (auto checked = check_as_nim(root, limits); !checked) return Refusal(std::move(checked).error());
  }
  if (auto checked = read_what(root, limits, request); !checked) return Refusal(std::move(checked).error());
  for (const auto read : {read_input_type, read_truncate, read_format, read_modality, read_rest}) {
    if (auto checked = read(root, request); !checked) return Refusal(std::move(checked).error());
  }
  if (limits.strict_nim) {
    if (auto checked = check_texts_as_nim(request.inputs); !checked) return Refusal(std::move(checked).error());
  }
  return request;
}

bool is_blank(std::string_view utf8) {
  // Python's str.isspace, which the published servers ask: ASCII, and these beyond it.
  static constexpr std::string_view kWide[] = {"\u0085", "\u00A0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
                                               "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200A",
                                               "\u2028", "\u2029", "\u202F", "\u205F", "\u3000"};
  while (!utf8.empty()) {
    const auto c = static_cast<unsigned char>(utf8.front());
    size_t n = c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F) ? 1 : 0;
    if (c >= 0x80) {
      const auto wide = std::ranges::find_if(kWide, [&](std::string_view space) { return utf8.starts_with(space); });
      n = wide == std::end(kWide) ? 0 : wide->size();
    }
    if (n == 0) return false;
    utf8.remove_prefix(n);
  }
  return true;
}

}  // namespace lode::server

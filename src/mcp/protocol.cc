#include "mcp/protocol.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/excerpt.h"
#include "mcp/tool_cards.h"

namespace lode::mcp {
namespace {

constexpr size_t kMostInBatch = 100;

std::optional<json::Value> member(const Message& message, std::string_view name) {
  return message.params ? message.params->get(name) : std::nullopt;
}

ordered_json text_content(std::string_view text) {
  return ordered_json::array({{{"type", "text"}, {"text", text}}});
}

}  // namespace

bool is_known_version(std::string_view version) {
  return std::ranges::find(kProtocolVersions, version) != kProtocolVersions.end();
}

std::optional<std::string> Protocol::answer(std::string_view text) {
  const auto document = json::Document::parse(text, "message");
  if (!document) {
    return error_text(nullptr, {.code = kParseError, .message = "Parse error: " + document.error().message});
  }
  const json::Value root = document->root();
  if (!root.is(json::Kind::array)) return answer(root);
  const std::vector<json::Value> items = root.items();
  if (items.empty() || items.size() > kMostInBatch) {
    return error_text(nullptr, {.code = kInvalidRequest,
                                .message = fmt::format("Invalid request: a batch has 1 to {} messages, this has {}",
                                                       kMostInBatch, items.size())});
  }
  std::string out;
  for (const json::Value& item : items) {
    if (const auto one = answer(item)) out += (out.empty() ? "[" : ",") + *one;
  }
  if (out.empty()) return std::nullopt;
  return out + "]";
}

std::optional<std::string> Protocol::answer(const json::Value& value) {
  const auto message = read_message(value);
  if (!message) return error_text(message.error().id, message.error().error);
  if (message->kind != Message::Kind::request) return std::nullopt;
  return answer_request(*message);
}

std::string Protocol::answer_request(const Message& message) {
  if (message.method == "initialize") return result_text(message.id, initialize(message));
  if (message.method == "ping") return result_text(message.id, ordered_json::object());
  if (message.method == "tools/list") {
    // All are on the first page, so there is no cursor that we gave.
    if (member(message, "cursor")) {
      return error_text(message.id, {.code = kInvalidParams, .message = "Invalid params: cursor is none of ours"});
    }
    return result_text(message.id, list_tools());
  }
  if (message.method == "tools/call") {
    const auto result = call_tool(message);
    return result ? result_text(message.id, *result) : error_text(message.id, result.error());
  }
  return error_text(message.id,
                    {.code = kMethodNotFound, .message = fmt::format("Method not found: {}", excerpt(message.method))});
}

ordered_json Protocol::initialize(const Message& message) const {
  const auto asked = member(message, "protocolVersion");
  const auto text = asked ? asked->as_string() : std::nullopt;
  const std::string_view version = text && is_known_version(*text) ? *text : kProtocolVersions.front();
  return {{"protocolVersion", version},
          {"capabilities", {{"tools", ordered_json::object()}}},
          {"serverInfo", {{"name", "lodestone"}, {"title", "Lodestone"}, {"version", version_}}},
          {"instructions", tool_instructions()}};
}

ordered_json Protocol::list_tools() const {
  ordered_json tools = ordered_json::array();
  for (const ToolCard& card : tools_.cards()) {
    tools.push_back({{"name", card.name},
                     {"title", card.title},
                     {"description", card.description},
                     {"inputSchema", card.input},
                     {"outputSchema", card.output},
                     {"annotations", {{"readOnlyHint", true}, {"openWorldHint", false}}}});
  }
  return {{"tools", std::move(tools)}};
}

std::expected<ordered_json, RpcError> Protocol::call_tool(const Message& message) {
  const auto name = member(message, "name");
  const auto text = name ? name->as_string() : std::nullopt;
  if (!text) {
    return std::unexpected(RpcError{.code = kInvalidParams, .message = "Invalid params: name should be a string"});
  }
  if (!tools_.has(*text)) {
    return std::unexpected(
        RpcError{.code = kInvalidParams, .message = fmt::format("Unknown tool: {}", excerpt(*text))});
  }
  const auto answer = tools_.call(*text, member(message, "arguments"));
  if (!answer) {
    // For the model to read and to do better.
    return ordered_json{{"content", text_content(answer.error().line())}, {"isError", true}};
  }
  return ordered_json{
      {"content", text_content(answer->text)}, {"structuredContent", answer->structured}, {"isError", false}};
}

}  // namespace lode::mcp

#include "mcp/message.h"

#include <utility>

#include <fmt/format.h>

namespace lode::mcp {

using json::Kind;
using json::Value;

std::expected<Message, BadMessage> read_message(const Value& value) {
  BadMessage bad{.id = nullptr, .error = {.code = kInvalidRequest, .message = ""}};
  const auto refuse = [&](std::string why) {
    bad.error.message = std::move(why);
    return std::unexpected(bad);
  };
  if (!value.is(Kind::object)) return refuse("Invalid request: a message is a JSON object");
  Message out;
  const auto id = value.find("id");
  if (id) {
    if (const auto text = id->as_string()) {
      bad.id = std::string(*text);
    } else if (const auto number = id->as_int()) {
      bad.id = *number;
    } else {
      return refuse("Invalid request: id should be a string or an integer");
    }
    out.id = bad.id;
  }
  const auto version = value.find("jsonrpc");
  if (!version || version->as_string() != "2.0") return refuse("Invalid request: jsonrpc should be \"2.0\"");
  const auto method = value.find("method");
  if (!method) {
    if (id && (value.find("result") || value.find("error"))) {
      out.kind = Message::Kind::response;
      return out;
    }
    return refuse("Invalid request: there is no method");
  }
  const auto name = method->as_string();
  if (!name) return refuse("Invalid request: method should be a string");
  out.method = std::string(*name);
  out.kind = id ? Message::Kind::request : Message::Kind::notification;
  out.params = value.get("params");
  if (out.params && !out.params->is(Kind::object) && !out.params->is(Kind::array)) {
    return refuse(
        fmt::format("Invalid request: params should be an object, is {}", json::kind_name(out.params->kind())));
  }
  return out;
}

std::string line_of(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string result_text(const ordered_json& id, const ordered_json& result) {
  return line_of({{"jsonrpc", "2.0"}, {"id", id}, {"result", result}});
}

std::string error_text(const ordered_json& id, const RpcError& error) {
  return line_of({{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", error.code}, {"message", error.message}}}});
}

}  // namespace lode::mcp

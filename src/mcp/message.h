// JSON-RPC 2.0 as the Model Context Protocol uses it: what comes in as typed messages, what goes out as text of one
// line. What is no message is an error with the code that JSON-RPC has for it and the id, where one can be read. Ids
// are strings or integers. Stateless; any thread.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/json.h"

namespace lode::mcp {

using nlohmann::ordered_json;

// JSON-RPC's codes.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;

struct RpcError {
  int code = kInternalError;
  std::string message;
};

struct Message {
  enum class Kind : unsigned char { request, notification, response };
  Kind kind = Kind::notification;
  ordered_json id;  // of a request and a response; else null
  std::string method;
  std::optional<json::Value> params;  // an object or an array, of the document that was read; absent where null
};

struct BadMessage {
  ordered_json id;  // null where it cannot be told
  RpcError error;
};

std::expected<Message, BadMessage> read_message(const json::Value& value);

// Without a line's end.
std::string result_text(const ordered_json& id, const ordered_json& result);
std::string error_text(const ordered_json& id, const RpcError& error);

// Compact text on one line; what is no UTF-8 is replaced.
std::string line_of(const ordered_json& json);

}  // namespace lode::mcp

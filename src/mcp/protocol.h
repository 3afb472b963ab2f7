// The Model Context Protocol's server side, whatever carries the messages: initialize, ping, tools/list, tools/call;
// notifications are taken and nothing is said to them. Nothing is remembered of a client, so a message may come by any
// way and in any order; batches are answered as those versions have it that know them. Any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "mcp/message.h"
#include "mcp/tools.h"

namespace lode::mcp {

// Newest first: what is answered to a client that asks for another.
inline constexpr std::array<std::string_view, 4> kProtocolVersions = {"2025-11-25", "2025-06-18", "2025-03-26",
                                                                      "2024-11-05"};
bool is_known_version(std::string_view version);

// Longer messages are refused by who reads them.
inline constexpr size_t kMostMessageBytes = size_t{4} << 20;

class Protocol {
 public:
  // `version`: of this program. The tools outlive this.
  Protocol(Tools& tools, std::string version) : tools_(tools), version_(std::move(version)) {}

  // The answer to one message, on one line; none to notifications and answers.
  std::optional<std::string> answer(std::string_view text);

 private:
  std::optional<std::string> answer(const json::Value& value);
  std::string answer_request(const Message& message);
  [[nodiscard]] ordered_json initialize(const Message& message) const;
  [[nodiscard]] ordered_json list_tools() const;
  std::expected<ordered_json, RpcError> call_tool(const Message& message);

  Tools& tools_;
  std::string version_;
};

}  // namespace lode::mcp

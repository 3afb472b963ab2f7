// x-request-timeout: how long a client waits for its answer, and what it gets when there was none. Stateless; any
// thread.
#pragma once

#include <chrono>
#include <expected>
#include <string_view>

#include "server/api_error.h"

namespace lode::server {

inline constexpr std::string_view kTimeoutField = "x-request-timeout";

// The header's value: seconds as a decimal number above 0.
std::expected<std::chrono::milliseconds, ApiError> parse_timeout(std::string_view seconds);

// What is answered when `timeout` is over. `own`: the request has asked for it, else it is the server's.
ApiError too_late(std::chrono::milliseconds timeout, bool own);

}  // namespace lode::server

#include "server/request_timeout.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace lode::server {

namespace {

// Longer than any server runs, and far from overflow in nanoseconds.
constexpr double kMaxTimeoutSeconds = 1e8;

}  // namespace

std::expected<std::chrono::milliseconds, ApiError> parse_timeout(std::string_view seconds) {
  double value = 0;
  const char* const end = seconds.data() + seconds.size();
  const auto [at, ec] = std::from_chars(seconds.data(), end, value, std::chars_format::fixed);
  if (ec != std::errc() || at != end || !(value > 0) || !std::isfinite(value)) {
    return std::unexpected(ApiError{.code = Code::invalid_argument,
                                    .message = fmt::format("The header {} is '{}', which is not a number of seconds",
                                                           kTimeoutField, seconds.substr(0, 40)),
                                    .hint = fmt::format("For example {}: 2.5", kTimeoutField),
                                    .reason = "invalid_header",
                                    .param = std::string(kTimeoutField)});
  }
  return std::chrono::milliseconds(std::llround(std::ceil(std::min(value, kMaxTimeoutSeconds) * 1000)));
}

ApiError too_late(std::chrono::milliseconds timeout, bool own) {
  const double seconds = std::chrono::duration<double>(timeout).count();
  return {.code = Code::deadline,
          .message = own ? fmt::format("There was no answer within the {} s that {} gives", seconds, kTimeoutField)
                         : fmt::format("There was no answer within {} s", seconds),
          .hint = own ? "Give it more time, or send fewer texts in a request."
                      : "Send fewer texts in a request, or start the server with a larger --request-timeout.",
          .reason = "deadline_exceeded"};
}

}  // namespace lode::server

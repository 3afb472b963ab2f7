// Errors are values wherever input can be wrong: a code, what was seen and expected, and what to do about it.
// LODE_CHECK is for our own bugs only and is the one thing that aborts. Codes map to exit and HTTP status in one table
// each (apps/exit_code.h, server/api.cc). Safe from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace lode {

enum class Code : uint8_t {
  invalid_argument,  // the caller's input is wrong
  not_found,         // no such model, file, route
  too_long,          // a text has more tokens than the limit
  too_large,         // a body, file or list is over its limit
  corrupt,           // a file's bytes contradict themselves or each other
  unsupported,       // well-formed, but not something Lodestone runs
  io,                // the operating system refused: open, read, write, map, connect
  permission,        // credentials are missing or not accepted
  overloaded,        // the queue is full: try again later
  unavailable,       // shutting down or not ready
  cancelled,         // the caller went away or interrupted
  deadline,          // there was no answer in the time that the caller or the configuration gives
  internal,          // a bug or a non-finite result
};

std::string_view code_name(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;  // what was seen, what was expected
  std::string hint;     // what to do; may be empty

  // "message. hint", the one line a user sees.
  [[nodiscard]] std::string line() const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message, std::string hint = {}) {
  return std::unexpected<Error>(Error{code, std::move(message), std::move(hint)});
}

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace lode

#define LODE_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::lode::check_failed(#condition, __FILE__, __LINE__))

#define LODE_CONCAT_(a, b) a##b
#define LODE_CONCAT(a, b) LODE_CONCAT_(a, b)

// LODE_TRY(status_expr): return the error, if any. LODE_ASSIGN(auto x, result_expr): or bind its value.
#define LODE_TRY(expr)                                                            \
  do {                                                                            \
    if (auto lode_status_ = (expr); !lode_status_) [[unlikely]]                   \
      return ::std::unexpected<::lode::Error>(::std::move(lode_status_).error()); \
  } while (false)
#define LODE_ASSIGN(lhs, expr) LODE_ASSIGN_(LODE_CONCAT(lode_result_, __LINE__), lhs, expr)
#define LODE_ASSIGN_(result, lhs, expr)                                   \
  auto result = (expr);                                                   \
  if (!result) [[unlikely]]                                               \
    return ::std::unexpected<::lode::Error>(::std::move(result).error()); \
  lhs = *::std::move(result)

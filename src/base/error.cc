#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace lode {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::invalid_argument: return "invalid_argument";
    case Code::not_found: return "not_found";
    case Code::too_long: return "too_long";
    case Code::too_large: return "too_large";
    case Code::corrupt: return "corrupt";
    case Code::unsupported: return "unsupported";
    case Code::io: return "io";
    case Code::permission: return "permission";
    case Code::overloaded: return "overloaded";
    case Code::unavailable: return "unavailable";
    case Code::cancelled: return "cancelled";
    case Code::deadline: return "deadline";
    case Code::internal: return "internal";
  }
  return "internal";
}

std::string Error::line() const {
  if (hint.empty()) return message;
  const bool stop = message.ends_with('.') || message.ends_with('?') || message.ends_with('!');
  return message + (stop ? " " : ". ") + hint;
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "lode: internal error: %s does not hold (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace lode

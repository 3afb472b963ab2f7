// The one table from errors to the exit codes of `lode`.
#pragma once

#include "base/error.h"

namespace lode::apps {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

constexpr int exit_code(Code code) {
  switch (code) {
    case Code::invalid_argument: return kExitUsage;
    case Code::cancelled: return kExitInterrupted;
    case Code::not_found:
    case Code::too_long:
    case Code::too_large:
    case Code::corrupt:
    case Code::unsupported:
    case Code::io:
    case Code::permission:
    case Code::overloaded:
    case Code::unavailable:
    case Code::deadline:
    case Code::internal: return kExitFailed;
  }
  return kExitFailed;
}

}  // namespace lode::apps

// A moment as a user gives it: so long ago ("90m", "12h", "7d", "2w"), or a day ("2026-11-01", its beginning in UTC).
// Pure; any thread.
#pragma once

#include <chrono>
#include <string_view>

#include "base/error.h"

namespace lode::apps {

// Whole seconds. Errors: invalid_argument, also for a day that no calendar has and for what is before 1970.
Result<std::chrono::sys_seconds> point_in_time(std::string_view text, std::chrono::sys_seconds now);

}  // namespace lode::apps

#include "apps/point_in_time.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

#include <fmt/format.h>

namespace lode::apps {
namespace {

using std::chrono::seconds;

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool is_whole =
      !text.empty() && text.front() != '-' && error == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(out) : std::nullopt;
}

// 0: no unit.
int64_t seconds_of(char unit) {
  constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  switch (unit) {
    case 'm': return kMinute;
    case 'h': return kHour;
    case 'd': return kDay;
    case 'w': return 7 * kDay;
    default: return 0;
  }
}

std::optional<std::chrono::sys_seconds> ago(std::string_view text, std::chrono::sys_seconds now) {
  const int64_t unit = text.empty() ? 0 : seconds_of(text.back());
  if (unit == 0) return std::nullopt;
  const auto n = number<uint32_t>(text.substr(0, text.size() - 1));
  if (!n) return std::nullopt;
  return now - seconds(int64_t{*n} * unit);
}

std::optional<std::chrono::sys_seconds> day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = number<int>(text.substr(0, 4));
  const auto month = number<unsigned>(text.substr(5, 2)), day = number<unsigned>(text.substr(8, 2));
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month), std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

}  // namespace

Result<std::chrono::sys_seconds> point_in_time(std::string_view text, std::chrono::sys_seconds now) {
  auto out = ago(text, now);
  if (!out) out = day(text);
  if (out && out->time_since_epoch().count() >= 0) return *out;
  return fail(Code::invalid_argument, fmt::format("\"{}\" is no time since 1970", text),
              "Give how long ago, such as 12h, 7d or 2w, or a day such as 2026-11-01.");
}

}  // namespace lode::apps

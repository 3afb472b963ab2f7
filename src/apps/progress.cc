#include "apps/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <sys/ioctl.h>

namespace lode::apps {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(5);
constexpr double kMinSeconds = 0.5;  // a rate from less time than this is noise

int terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string amount(uint64_t n, Unit unit) {
  return unit == Unit::bytes ? format_bytes(n) : fmt::format("{}", n);
}

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::ceil(std::min(seconds, 1e9)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace

std::string format_bytes(uint64_t n_bytes) {
  constexpr std::array kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
  if (n_bytes < 1000) return fmt::format("{} B", n_bytes);
  double value = static_cast<double>(n_bytes) / 1000;
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return value < 9.95 || (unit >= 2 && value < 99.95) ? fmt::format("{:.1f} {}", value, kUnits[unit])
                                                      : fmt::format("{:.0f} {}", value, kUnits[unit]);
}

std::string progress_line(const ProgressState& state, int n_columns, bool bar) {
  const uint64_t done = state.total == 0 ? state.done : std::min(state.done, state.total);
  std::string tail;
  if (state.unit != Unit::shares) {
    tail = "  " + amount(done, state.unit);
    if (state.total > 0) tail += "/" + amount(state.total, state.unit);
  }
  const uint64_t fresh = state.done > state.done_before ? state.done - state.done_before : 0;
  if (state.seconds >= kMinSeconds && fresh > 0) {
    const double rate = static_cast<double>(fresh) / state.seconds;
    if (state.unit == Unit::bytes) tail += fmt::format("  {}/s", format_bytes(static_cast<uint64_t>(rate)));
    if (state.unit == Unit::items) tail += fmt::format("  {:.{}f}/s", rate, rate < 10 ? 1 : 0);
    if (state.total > done) tail += fmt::format("  {} left", duration(static_cast<double>(state.total - done) / rate));
  }
  std::string line(state.label);
  if (state.total > 0) {
    const double share = static_cast<double>(done) / static_cast<double>(state.total);
    line += fmt::format("  {:>3.0f} %", std::floor(share * 100));
    const int room = n_columns - static_cast<int>(line.size() + tail.size()) - 4;
    if (bar && room >= 10) {
      const int width = std::min(room, 30);
      const int full = static_cast<int>(share * width);
      line += fmt::format("  [{}{}]", std::string(static_cast<size_t>(full), '#'),
                          std::string(static_cast<size_t>(width - full), '.'));
    }
  }
  line += tail;
  const size_t limit = static_cast<size_t>(std::max(n_columns - 1, 20));
  if (bar && line.size() > limit) line.resize(limit);
  return line;
}

Progress::Progress(std::string label, uint64_t total, Unit unit, bool quiet)
    : label_(std::move(label)),
      total_(total),
      unit_(unit),
      quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      next_(start_ + (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine))) {}

Progress::~Progress() {
  clear();
}

void Progress::set_label(std::string label) {
  label_ = std::move(label);
  draw(false);
}

void Progress::resume_at(uint64_t done) {
  done_ = done_before_ = done;
  start_ = Clock::now();
  draw(false);
}

void Progress::set(uint64_t done) {
  done_ = done;
  draw(total_ != 0 && done_ == total_ && drawn_);
}

void Progress::clear() {
  if (!drawn_ || !terminal_) return;
  std::fputs("\r\x1b[K", stderr);
  drawn_ = false;
}

void Progress::draw(bool force) {
  if (quiet_) return;
  const auto now = Clock::now();
  if (!force && now < next_) return;
  next_ = now + (terminal_ ? Clock::duration(kRedraw) : Clock::duration(kPlainLine));
  const ProgressState state{label_, done_, total_, done_before_, std::chrono::duration<double>(now - start_).count(),
                            unit_};
  if (terminal_) {
    fmt::print(stderr, "\r{}\x1b[K", progress_line(state, terminal_columns(), true));
  } else {
    fmt::print(stderr, "{}\n", progress_line(state, 200, false));
  }
  drawn_ = true;
}

}  // namespace lode::apps

#include "apps/bench_rounds.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <string>
#include <unistd.h>

#include <sys/resource.h>

namespace lode::apps {
namespace {

double seconds_of(int who) {
  struct rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

Result<double> busy_seconds(std::string_view stat, double ticks_per_second) {
  if (!stat.starts_with("cpu ")) return fail(Code::unsupported, "/proc/stat does not begin with the times of all CPUs");
  std::string_view line = stat.substr(4, stat.find('\n') - 4);
  // user nice system idle iowait irq softirq steal; guests are counted in user and nice already.
  double busy = 0;
  for (int field = 0; field < 8; ++field) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    uint64_t ticks = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), ticks);
    if (error != std::errc()) return fail(Code::unsupported, "/proc/stat has fewer than eight times");
    line.remove_prefix(static_cast<size_t>(end - line.data()));
    if (field != 3 && field != 4) busy += static_cast<double>(ticks);
  }
  return busy / ticks_per_second;
}

Result<CpuTimes> cpu_times() {
  std::ifstream file("/proc/stat");
  std::string line;
  if (!std::getline(file, line)) return fail(Code::unsupported, "cannot read /proc/stat");
  CpuTimes times;
  LODE_ASSIGN(times.busy, busy_seconds(line, static_cast<double>(::sysconf(_SC_CLK_TCK))));
  times.clock = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  times.own = seconds_of(RUSAGE_SELF) + seconds_of(RUSAGE_CHILDREN);
  times.n_cpus = static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  return times;
}

double foreign_share(const CpuTimes& before, const CpuTimes& after) {
  const double available = (after.clock - before.clock) * after.n_cpus;
  if (available <= 0) return 0;
  return std::max(0.0, (after.busy - before.busy) - (after.own - before.own)) / available;
}

bool quiet(const Turn& turn, double best_peak) {
  return turn.calibration >= kLeastCalibration * best_peak && turn.foreign <= kMostForeign;
}

Spread spread(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t n = values.size();
  const double median = n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
  return {median, (values.back() - values.front()) / median};
}

Verdict judge(std::span<const Round> rounds, size_t peer, double best_peak, bool keep_all) {
  Verdict verdict;
  for (const Round& round : rounds) {
    const Turn& other = round.peers[peer];
    if (!keep_all && !(quiet(round.ours, best_peak) && quiet(other, best_peak))) {
      ++verdict.discarded;
      continue;
    }
    verdict.values.push_back(other.value);
    verdict.shares.push_back(other.value / other.peak);
    verdict.ratios.push_back(round.ours.value / other.value);
  }
  return verdict;
}

Verdict judge_ours(std::span<const Round> rounds, double best_peak, bool keep_all) {
  Verdict verdict;
  for (const Round& round : rounds) {
    if (!keep_all && !quiet(round.ours, best_peak)) {
      ++verdict.discarded;
      continue;
    }
    verdict.values.push_back(round.ours.value);
    verdict.shares.push_back(round.ours.value / round.ours.peak);
  }
  return verdict;
}

}  // namespace lode::apps

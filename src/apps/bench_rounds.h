// When a timing counts. A machine is rarely quiet: others run on its cores, and unseen neighbours take its caches and
// clock. So the peak of the instructions is measured before and after each timed turn, the CPU time of others is read
// from the kernel, and a pair of turns, ours and a peer's, counts only when both were quiet. Pure, but for cpu_times().
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::apps {

// A peak below this share of the best one seen, or others with more than this share of all cores: a turn does not
// count.
inline constexpr double kLeastCalibration = 0.93;
inline constexpr double kMostForeign = 0.05;

struct CpuTimes {
  double clock = 0;  // seconds, whatever since
  double busy = 0;   // CPU seconds of everybody on this machine
  double own = 0;    // of this process and of the children that ended
  int n_cpus = 1;
};
Result<CpuTimes> cpu_times();
// Seconds that the line "cpu ..." of /proc/stat says were not idle: ticks of 1 / ticks_per_second.
Result<double> busy_seconds(std::string_view stat, double ticks_per_second);
// The share of all cores that others used between two readings, 0 at least.
double foreign_share(const CpuTimes& before, const CpuTimes& after);

struct Turn {
  double value = 0;
  double peak = 0;         // larger of the two beside it
  double calibration = 0;  // smaller of the two
  double foreign = 0;      // others' share of the cores meanwhile
};
bool quiet(const Turn& turn, double best_peak);

struct Round {
  Turn ours;
  std::vector<Turn> peers;
};

struct Spread {
  double median = 0;
  double noise = 0;  // (largest - smallest) / median
};
Spread spread(std::vector<double> values);  // not empty

struct Verdict {
  std::vector<double> values;  // of the peer, in pairs that count
  std::vector<double> shares;  // of the peak beside it, of one operation a unit
  std::vector<double> ratios;  // ours over the peer's
  int discarded = 0;
};
// `peer` counts from 0. With `keep_all` disturbed pairs count too.
Verdict judge(std::span<const Round> rounds, size_t peer, double best_peak, bool keep_all);
// The same of our own turns: values and shares of those that count.
Verdict judge_ours(std::span<const Round> rounds, double best_peak, bool keep_all);

}  // namespace lode::apps

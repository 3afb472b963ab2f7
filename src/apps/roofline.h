// A roofline picture: how fast arithmetic can be at each ratio of operations to bytes of memory, bounded by the
// measured reads of memory (the slope) and the measured peak of each instruction (the flat roofs), and how fast the
// measured products are. An SVG without script or outer files that follows the reader's light or dark scheme. Pure, but
// for write_roofline().
#pragma once

#include <string>
#include <vector>

#include "apps/bench_report.h"
#include "base/error.h"

namespace lode::apps {

struct Roof {
  std::string label;  // "int8"
  double rate = 0;    // 1e9 operations a second
};
struct RooflinePoint {
  std::string series;    // "int8": a colour
  std::string label;     // "512": written beside the highest point of its series and label
  std::string title;     // shown when pointed at
  double intensity = 0;  // operations a byte
  double rate = 0;       // 1e9 operations a second
};
struct Roofline {
  double bandwidth = 0;  // 1e9 bytes a second
  std::vector<Roof> roofs;
  std::vector<RooflinePoint> points;
};

// From rows of bench_peaks (those of all threads) and bench_kernels.
Roofline roofline_of(const std::vector<BenchRow>& rows);
// Error: invalid_argument without bandwidth, roofs or points.
Result<std::string> roofline_svg(const Roofline& roofline);
// Error: io.
Status write_roofline(const std::vector<BenchRow>& rows, const std::string& file);

}  // namespace lode::apps

// Figures of `lode bench`: how they are timed and how they are shown. Every rate stands beside the peak of the same
// instructions measured in the same run, since seconds of one machine mean nothing on another. Main thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/context.h"
#include "model/arithmetic.h"

namespace lode::apps {

struct BenchRow {
  std::string what;   // "gemm", "embed documents"
  std::string shape;  // "512 x 4096 x 14336", "2000 texts of 239 tokens"
  std::string dtype;
  double value = 0;
  std::string unit;                                // "GFLOP/s", "texts/s", "ms"
  std::optional<double> percent_of_peak;           // of the peak measured around this row
  double noise = 0;                                // spread of the repetitions: (largest - smallest) / median
  std::optional<double> operations_per_byte = {};  // of a product, for the roofline
};

// Median seconds of `repetitions` calls after one that is not counted, and their spread.
struct Timing {
  double seconds = 0;
  double noise = 0;
};
Timing time_median(int repetitions, const std::function<void()>& body);

// The peak of all of the context's threads, in 1e9 operations a second (a multiply-add is two): the best of a few short
// runs of fused multiply-adds in f32, or of the instructions that sum products in 8 bits.
double measure_peak(kernels::Context& context, model::Arithmetic arithmetic = model::Arithmetic::f32);

// A table, or one JSON object a line.
std::string render(const std::vector<BenchRow>& rows, bool json);

}  // namespace lode::apps

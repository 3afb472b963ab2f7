#include "apps/bench_report.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace lode::apps {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Timing time_median(int repetitions, const std::function<void()>& body) {
  body();
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) {
    const double start = now();
    body();
    seconds.push_back(now() - start);
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = seconds[seconds.size() / 2];
  return {median, (seconds.back() - seconds.front()) / median};
}

double measure_peak(kernels::Context& context, model::Arithmetic arithmetic) {
  constexpr int64_t kIterations = 400'000;  // a few milliseconds
  std::vector<double> operations(static_cast<size_t>(context.pool.n_threads()));
  std::vector<float> sinks(operations.size());
  double best = 0;
  for (int run = 0; run < 8; ++run) {
    const double start = now();
    context.pool.run([&](int worker) {
      double& n = operations[static_cast<size_t>(worker)];
      float sink = 0.5F;
      int32_t int_sink = 1;
      if (arithmetic == model::Arithmetic::bf16) {
        n = context.kernels.bf16.peak(kIterations, &sink);
      } else if (arithmetic != model::Arithmetic::f32) {
        n = context.kernels.int8.peak(kIterations, &int_sink);
      } else {
        n = context.kernels.fma_peak(kIterations, &sink);
      }
      sinks[static_cast<size_t>(worker)] = sink + static_cast<float>(int_sink);
    });
    const double seconds = now() - start;
    double total = 0;
    for (const double n : operations) total += n;
    best = std::max(best, total / seconds / 1e9);
  }
  return best;
}

std::string render(const std::vector<BenchRow>& rows, bool json) {
  std::string out;
  if (json) {
    for (const BenchRow& row : rows) {
      nlohmann::ordered_json object{{"what", row.what},   {"shape", row.shape}, {"dtype", row.dtype},
                                    {"value", row.value}, {"unit", row.unit},   {"percent_of_peak", nullptr},
                                    {"noise", row.noise}};
      if (row.percent_of_peak) object["percent_of_peak"] = *row.percent_of_peak;
      out += object.dump() + "\n";
    }
    return out;
  }
  size_t what = 4;
  size_t shape = 5;
  size_t dtype = 5;
  for (const BenchRow& row : rows) {
    what = std::max(what, row.what.size());
    shape = std::max(shape, row.shape.size());
    dtype = std::max(dtype, row.dtype.size());
  }
  out += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>10}  {:<8}  {:>6}  {:>6}\n", "WHAT", what, "SHAPE", shape, "DTYPE",
                     dtype, "VALUE", "UNIT", "% PEAK", "NOISE");
  for (const BenchRow& row : rows) {
    out += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>10.4g}  {:<8}  {:>6}  {:>5.0f}%\n", row.what, what, row.shape, shape,
                       row.dtype, dtype, row.value, row.unit,
                       row.percent_of_peak ? fmt::format("{:.1f}", *row.percent_of_peak) : "", 100 * row.noise);
  }
  return out;
}

}  // namespace lode::apps

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "apps/bench.h"
#include "apps/bench_texts.h"
#include "kernels/cpu.h"

namespace lode::apps {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class ModelBench {
 public:
  ModelBench(const BenchOptions& options, embed::Embedder& embedder, const kernels::Kernels& path)
      : options_(options),
        embedder_(embedder),
        work_(embedder.config()),
        pool_(embedder.n_threads()),
        context_(path, pool_) {}

  // Texts to vectors, tokenising included, all in one call as `lode embed` makes it.
  Status throughput(const std::string& what, const std::vector<std::string>& texts, std::vector<BenchRow>& rows) {
    LODE_ASSIGN(const auto sequences, tokenize(texts));
    std::vector<float> vectors(texts.size() * static_cast<size_t>(embedder_.dims()));
    size_t n_tokens = 0;
    for (const auto& s : sequences) n_tokens += s.ids.size();
    Status status;
    const double peak = measure_peak(context_, embedder_.arithmetic());
    const Timing timing = time_median(options_.repetitions, [&] {
      const auto again = tokenize(texts);
      if (status) status = embedder_.compute(*again, vectors);
    });
    LODE_TRY(status);
    const double around = std::max(peak, measure_peak(context_, embedder_.arithmetic()));
    const auto n = static_cast<double>(texts.size());
    const std::string shape =
        fmt::format("{} texts, {:.1f} tokens each", texts.size(), static_cast<double>(n_tokens) / n);
    const double percent = 100 * work_.of(sequences) / timing.seconds / 1e9 / around;
    rows.push_back({what, shape, dtype(), n / timing.seconds, "texts/s", percent, timing.noise});
    rows.push_back(
        {what, shape, dtype(), static_cast<double>(n_tokens) / timing.seconds, "tok/s", percent, timing.noise});
    return {};
  }

  // One text a call: the time a single query waits.
  Status latency(const std::vector<std::string>& texts, std::vector<BenchRow>& rows) {
    std::vector<float> vector(static_cast<size_t>(embedder_.dims()));
    std::vector<double> ms;
    for (int round = 0; round <= options_.repetitions; ++round) {
      for (const std::string& text : texts) {
        const auto start = Clock::now();
        LODE_ASSIGN(const auto sequence, embedder_.tokenize(text, "", 0, embed::Truncate::end));
        LODE_TRY(embedder_.compute(std::span(&sequence, 1), vector));
        if (round > 0) ms.push_back(1e3 * seconds_since(start));  // the first round warms up
      }
    }
    std::sort(ms.begin(), ms.end());
    const auto at = [&](double q) { return ms[static_cast<size_t>(q * static_cast<double>(ms.size() - 1))]; };
    const double noise = (at(0.75) - at(0.25)) / at(0.5);
    const std::string shape = fmt::format("{} texts, one a call", texts.size());
    rows.push_back({"query p50", shape, dtype(), at(0.5), "ms", {}, noise});
    rows.push_back({"query p99", shape, dtype(), at(0.99), "ms", {}, noise});
    return {};
  }

 private:
  [[nodiscard]] std::string dtype() const { return std::string(model::name(embedder_.arithmetic())); }

  Result<std::vector<embed::TokenSequence>> tokenize(const std::vector<std::string>& texts) const {
    std::vector<embed::TokenSequence> sequences;
    sequences.reserve(texts.size());
    for (const std::string& text : texts) {
      LODE_ASSIGN(auto sequence, embedder_.tokenize(text, "", 0, embed::Truncate::end));
      sequences.push_back(std::move(sequence));
    }
    return sequences;
  }

  const BenchOptions& options_;
  embed::Embedder& embedder_;
  FloatingWork work_;
  ThreadPool pool_;
  kernels::Context context_;  // for the peak only
};

}  // namespace

Status bench_model(const BenchOptions& options, const Globals& globals, std::vector<BenchRow>& rows) {
  const auto start = Clock::now();
  LODE_ASSIGN(const auto embedder, open_embedder(options.model, globals));
  rows.push_back({"load",
                  embedder->config().family,
                  std::string(model::name(embedder->arithmetic())),
                  1e3 * seconds_since(start),
                  "ms",
                  {},
                  0});
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  ModelBench bench(options, *embedder, *path);
  LODE_ASSIGN(const auto workload, bench_workload(options.texts, options.seq, FloatingWork(embedder->config())));
  for (const BenchTexts& texts : workload.throughput) LODE_TRY(bench.throughput(texts.what, texts.texts, rows));
  return bench.latency(workload.queries, rows);
}

}  // namespace lode::apps

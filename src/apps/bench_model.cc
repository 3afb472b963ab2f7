#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "apps/bench.h"
#include "apps/text_input.h"
#include "kernels/cpu.h"

namespace lode::apps {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Multiply-adds of one token's linear layers and of one pair of positions in attention, times two.
struct FloatingWork {
  double per_token;
  double per_pair;

  explicit FloatingWork(const model::ModelConfig& c) {
    const auto d = static_cast<double>(c.d_model);
    const double q = static_cast<double>(c.n_heads * c.head_dim);
    const double kv = static_cast<double>(c.n_kv_heads * c.head_dim);
    const double mlp = (c.architecture == model::Architecture::bert ? 2.0 : 3.0) * d * static_cast<double>(c.d_ff);
    per_token = 2 * static_cast<double>(c.n_layers) * (2 * d * q + 2 * d * kv + mlp);
    per_pair = 4 * static_cast<double>(c.n_layers) * q;
    if (c.pooling == model::Pooling::latent_attention) {
      per_token += 4 * d * static_cast<double>(c.n_cross_heads * c.n_latents) + 16 * d * d;
    }
  }
  [[nodiscard]] double of(const std::vector<embed::TokenSequence>& sequences) const {
    double total = 0;
    for (const auto& s : sequences) {
      const auto n = static_cast<double>(s.ids.size());
      total += n * per_token + n * n * per_pair;
    }
    return total;
  }
};

// Made-up English of about n tokens: common words, so that nearly each is one token.
std::string made_up_text(size_t n, uint32_t seed) {
  constexpr std::string_view kWords[] = {"the",    "search", "of",    "a",     "model", "with", "data",
                                         "and",    "time",   "code",  "that",  "is",    "used", "for",
                                         "many",   "new",    "small", "test",  "from",  "line", "work",
                                         "system", "large",  "text",  "query", "to",    "in",   "on"};
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    seed = seed * 1664525U + 1013904223U;
    text.append(i == 0 ? "" : " ").append(kWords[(seed >> 16) % std::size(kWords)]);
  }
  return text;
}

Result<std::vector<std::string>> read_texts(const std::string& file) {
  TextInput input({.files = {file}, .whole_files = false, .text_field = std::nullopt});
  std::vector<std::string> texts;
  while (true) {
    LODE_ASSIGN(auto row, input.next());
    if (!row) return texts;
    texts.push_back(std::move(row->text));
  }
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
  if (!options.texts.empty()) {
    LODE_ASSIGN(const auto texts, read_texts(options.texts));
    if (texts.empty()) return fail(Code::invalid_argument, fmt::format("{} has no texts", options.texts));
    LODE_TRY(bench.throughput("embed", texts, rows));
    return bench.latency({texts.begin(), texts.begin() + static_cast<ptrdiff_t>(std::min<size_t>(texts.size(), 300))},
                         rows);
  }
  // Enough work for a second or so of a small model, a text or two of a large one.
  const double budget = 60e9;
  const FloatingWork work(embedder->config());
  std::vector<std::string> documents;
  std::vector<std::string> short_texts;
  std::vector<std::string> queries;
  const auto n_documents =
      static_cast<size_t>(std::clamp(budget / (work.per_token * static_cast<double>(options.seq)), 1.0, 200.0));
  for (uint32_t i = 0; i < n_documents; ++i) documents.push_back(made_up_text(static_cast<size_t>(options.seq), i));
  for (uint32_t i = 0; i < n_documents * 8; ++i) short_texts.push_back(made_up_text(5 + i % 17, 1000 + i));
  for (uint32_t i = 0; i < std::min<size_t>(n_documents * 4, 200); ++i)
    queries.push_back(made_up_text(4 + i % 8, 5000 + i));
  LODE_TRY(bench.throughput("embed documents", documents, rows));
  LODE_TRY(bench.throughput("embed short texts", short_texts, rows));
  return bench.latency(queries, rows);
}

}  // namespace lode::apps

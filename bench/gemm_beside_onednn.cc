// Matrix products beside oneDNN's on the linear layers of the 7B models, in turn: int8 (ours with its rows' rotation,
// rounding and scales; oneDNN's u8 x s8 -> s32 has none), BF16 -> f32 (ours rounds its rows, oneDNN gets them rounded)
// and f32, weights packed beforehand by both.
//
//     gemm_beside_onednn [--json] [--rounds N] [--threads N] [--keep-disturbed] [ROWS ...]     (ROWS: 128 512 2048)
//
// A pair of turns counts by the rules of `lode bench model --against`. "rounding off" is our product less the time that
// rotating and rounding its rows takes alone. The last rows are geometric means of the ratios.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>

#include <dnnl.hpp>
#include <fmt/format.h>

#include "apps/bench_report.h"
#include "apps/bench_rounds.h"
#include "base/parallel.h"
#include "kernels/gemm.h"

namespace {

using lode::apps::BenchRow;
using lode::apps::Round;
using lode::apps::Turn;
using lode::kernels::Buffer;
using lode::kernels::Context;
using lode::model::Arithmetic;
using Clock = std::chrono::steady_clock;

struct Options {
  bool json = false;
  bool keep_disturbed = false;
  int rounds = 7;
  int threads = 0;
  std::vector<int64_t> rows;
};

struct Product {
  int64_t m, n, k;
  [[nodiscard]] double operations() const { return 2.0 * static_cast<double>(m) * static_cast<double>(n * k); }
};

template <class T>
T must(lode::Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "gemm_beside_onednn: {}\n", result.error().line());
  std::exit(1);
}

// Seconds of one call, of as many as fill a third of a second.
double seconds_of(const std::function<void()>& body) {
  body();
  const auto start = Clock::now();
  int n = 0;
  double seconds = 0;
  while (n < 3 || seconds < 0.3) {
    body();
    ++n;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return seconds / n;
}

// oneDNN's product of one type, its weights in the layout that it likes best.
class OneDnn {
 public:
  OneDnn(Arithmetic arithmetic, const Product& p) : stream_(engine_) {
    using dnnl::memory;
    using Type = memory::data_type;
    const Type in = arithmetic == Arithmetic::int8 ? Type::u8 : arithmetic == Arithmetic::bf16 ? Type::bf16 : Type::f32;
    const Type weights = arithmetic == Arithmetic::int8 ? Type::s8 : in;
    const Type out = arithmetic == Arithmetic::int8 ? Type::s32 : Type::f32;
    const memory::desc rows({p.m, p.k}, in, memory::format_tag::ab);
    const memory::desc any({p.k, p.n}, weights, memory::format_tag::any);
    const memory::desc sums({p.m, p.n}, out, memory::format_tag::ab);
    const dnnl::matmul::primitive_desc description(dnnl::matmul::desc(rows, any, sums), engine_);
    product_ = dnnl::matmul(description);
    rows_ = memory(rows, engine_);
    sums_ = memory(sums, engine_);
    memory plain(memory::desc({p.k, p.n}, weights, memory::format_tag::ba), engine_);
    weights_ = memory(description.weights_desc(), engine_);
    fill(rows_, in);
    fill(plain, weights);
    dnnl::reorder(plain, weights_).execute(stream_, plain, weights_);
    stream_.wait();
  }

  void run() {
    product_.execute(stream_, {{DNNL_ARG_SRC, rows_}, {DNNL_ARG_WEIGHTS, weights_}, {DNNL_ARG_DST, sums_}});
    stream_.wait();
  }

 private:
  static void fill(dnnl::memory& memory, dnnl::memory::data_type type) {
    std::mt19937 random(1);
    const size_t n_bytes = memory.get_desc().get_size();
    void* const data = memory.get_data_handle();
    if (type == dnnl::memory::data_type::bf16) {
      auto* const x = static_cast<uint16_t*>(data);
      for (size_t i = 0; i < n_bytes / 2; ++i) x[i] = static_cast<uint16_t>(0x3E00U | (random() & 0x81FFU));
    } else if (type == dnnl::memory::data_type::f32) {
      auto* const x = static_cast<float*>(data);
      for (size_t i = 0; i < n_bytes / 4; ++i) x[i] = static_cast<float>(random() % 2001) / 1000.0F - 1;
    } else {
      auto* const x = static_cast<uint8_t*>(data);
      for (size_t i = 0; i < n_bytes; ++i) x[i] = static_cast<uint8_t>(random());
    }
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_;
  dnnl::matmul product_;
  dnnl::memory rows_, weights_, sums_;
};

// What products do to rows of k elements first.
class RowRounding {
 public:
  RowRounding(Context& context, int64_t k) : context_(context), int8_(rounded(k)), bf16_(packed(k)) {}

  void operator()(Arithmetic arithmetic, const float* a, int64_t lda, int64_t m) const {
    if (arithmetic == Arithmetic::int8) int8_.round_rows(context_, lode::kernels::RowSource(a, lda), m);
    if (arithmetic == Arithmetic::bf16) bf16_.round_rows(context_, lode::kernels::RowSource(a, lda), m);
  }

 private:
  static constexpr int64_t kRows = lode::kernels::kInt8Columns;  // of a weight that nothing is multiplied with
  lode::kernels::RoundedWeight rounded(int64_t k) {
    const auto zero_row = [k](int64_t, float* out) { std::fill_n(out, k, 0.0F); };
    return lode::kernels::RoundedWeight::round(context_, {{lode::kernels::Bits::eight, true}, kRows, k}, zero_row);
  }
  lode::kernels::Bf16Weight packed(int64_t k) {
    const std::vector<float> zeros(static_cast<size_t>(kRows * k));
    return lode::kernels::Bf16Weight::pack_transposed(context_, zeros.data(), kRows, k);
  }

  Context& context_;
  lode::kernels::RoundedWeight int8_;
  lode::kernels::Bf16Weight bf16_;
};

class Beside {
 public:
  Beside(Context& context, const Options& options) : context_(context), options_(options) {}

  void compare(Arithmetic arithmetic, const Product& p, const lode::kernels::Weight& weight) {
    OneDnn other(arithmetic, p);
    const int64_t lda = lode::kernels::padded_stride(p.k), ldc = lode::kernels::padded_stride(p.n);
    Buffer<float> a(static_cast<size_t>(p.m * lda)), c(static_cast<size_t>(p.m * ldc));
    std::mt19937 random(2);
    for (size_t i = 0; i < a.size(); ++i) a.data()[i] = static_cast<float>(random() % 2001) / 1000.0F - 1;
    const auto multiply = [&] { lode::kernels::gemm(context_, a.data(), lda, p.m, weight, c.data(), ldc); };
    const bool rounds_rows = arithmetic != Arithmetic::f32;
    const RowRounding round_rows(context_, p.k);
    std::vector<Round> rounds, bare;
    for (int i = 0; i < options_.rounds; ++i) {
      double rounding = 0;
      if (rounds_rows) rounding = seconds_of([&] { round_rows(arithmetic, a.data(), lda, p.m); });
      double ours = 0;
      Round round;
      round.ours = turn(arithmetic, p, [&] { return ours = seconds_of(multiply); });
      round.peers.push_back(turn(arithmetic, p, [&] { return seconds_of([&] { other.run(); }); }));
      Round without = round;
      without.ours.value = p.operations() / std::max(ours - rounding, 1e-9) / 1e9;
      rounds.push_back(round);
      bare.push_back(without);
    }
    report("product", arithmetic, p, rounds, true);
    if (rounds_rows) report("product, rounding off", arithmetic, p, bare, false);
  }

  void print() {
    for (const auto& [what, ratios] : ratios_) {
      double sum = 0;
      for (const double ratio : ratios) sum += std::log(ratio);
      rows_.push_back({what.first,
                       fmt::format("geometric mean of {}", ratios.size()),
                       what.second,
                       std::exp(sum / static_cast<double>(ratios.size())),
                       "x",
                       {},
                       0});
    }
    rows_.push_back(
        {"rounds discarded", fmt::format("of {}", n_rounds_), "", static_cast<double>(n_discarded_), "rounds", {}, 0});
    fmt::print("{}", lode::apps::render(rows_, options_.json));
  }

 private:
  template <class F>
  Turn turn(Arithmetic arithmetic, const Product& p, const F& seconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));  // the other side's threads stop spinning
    const double before = lode::apps::measure_peak(context_, arithmetic);
    const auto start = must(lode::apps::cpu_times());
    Turn out;
    out.value = p.operations() / seconds() / 1e9;
    const auto end = must(lode::apps::cpu_times());
    const double after = lode::apps::measure_peak(context_, arithmetic);
    out.peak = std::max(before, after);
    out.calibration = std::min(before, after);
    out.foreign = lode::apps::foreign_share(start, end);
    best_[arithmetic] = std::max(best_[arithmetic], out.peak);
    return out;
  }

  void report(const std::string& what, Arithmetic arithmetic, const Product& p, const std::vector<Round>& rounds,
              bool both) {
    const double best = best_[arithmetic];
    const auto verdict = lode::apps::judge(rounds, 0, best, options_.keep_disturbed);
    const auto ours = lode::apps::judge_ours(rounds, best, options_.keep_disturbed);
    if (both) {
      n_rounds_ += static_cast<int>(rounds.size());
      n_discarded_ += verdict.discarded;
    }
    if (verdict.ratios.empty()) return;
    const std::string shape = fmt::format("{} x {} x {}", p.m, p.n, p.k), dtype(lode::model::name(arithmetic));
    const auto row = [&](const std::string& side, const lode::apps::Verdict& values) {
      const auto value = lode::apps::spread(values.values);
      rows_.push_back({fmt::format("{}, {}", what, side), shape, dtype, value.median,
                       arithmetic == Arithmetic::int8 ? "GOP/s" : "GFLOP/s",
                       100 * lode::apps::spread(values.shares).median, value.noise});
    };
    row("lodestone", ours);
    if (both) row("onednn", verdict);
    const auto ratio = lode::apps::spread(verdict.ratios);
    const std::string over = fmt::format("{}, lodestone over onednn", what);
    rows_.push_back({over, shape, dtype, ratio.median, "x", {}, ratio.noise});
    ratios_[{over, dtype}].push_back(ratio.median);
  }

  Context& context_;
  const Options& options_;
  std::vector<BenchRow> rows_;
  std::map<Arithmetic, double> best_;
  std::map<std::pair<std::string, std::string>, std::vector<double>> ratios_;
  int n_rounds_ = 0;
  int n_discarded_ = 0;
};

Options read_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto number = [&]() -> int64_t { return i + 1 < argc ? std::atoll(argv[++i]) : 0; };
    if (word == "--json") {
      options.json = true;
    } else if (word == "--keep-disturbed") {
      options.keep_disturbed = true;
    } else if (word == "--rounds") {
      options.rounds = static_cast<int>(number());
    } else if (word == "--threads") {
      options.threads = static_cast<int>(number());
    } else {
      options.rows.push_back(std::atoll(argv[i]));
    }
  }
  if (options.rows.empty()) options.rows = {128, 512, 2048};
  bool good = options.rounds > 0 && options.threads >= 0;
  for (const int64_t rows : options.rows) good = good && rows > 0;
  if (good) return options;
  fmt::print(stderr, "usage: gemm_beside_onednn [--json] [--rounds N] [--threads N] [--keep-disturbed] [ROWS ...]\n");
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = read_options(argc, argv);
  const int n_threads = options.threads != 0 ? options.threads : lode::available_cores();
  ::setenv("OMP_NUM_THREADS", std::to_string(n_threads).c_str(), 1);  // read when oneDNN first computes
  lode::ThreadPool pool(n_threads);
  Context context(*must(lode::kernels::select()), pool);
  Beside beside(context, options);
  constexpr std::pair<int64_t, int64_t> kShapes[] = {{4096, 4096}, {1024, 4096}, {14336, 4096}, {4096, 14336}};
  for (const auto& [n, k] : kShapes) {
    std::vector<uint16_t> stored(static_cast<size_t>(n * k));
    std::mt19937 random(3);
    for (uint16_t& x : stored) x = static_cast<uint16_t>(0x3000U | (random() & 0x83FFU));
    const lode::kernels::MatrixView view = {reinterpret_cast<const std::byte*>(stored.data()),
                                            lode::kernels::DType::f16, n, k, k};
    const auto parts = std::span(&view, 1);
    for (const auto arithmetic : {Arithmetic::int8, Arithmetic::bf16, Arithmetic::f32}) {
      const auto weight = arithmetic == Arithmetic::int8
                              ? lode::kernels::Weight::rounded(context, {lode::kernels::Bits::eight, true}, parts)
                          : arithmetic == Arithmetic::bf16 ? lode::kernels::Weight::bf16(context, parts)
                                                           : lode::kernels::Weight::packed(context, parts);
      for (const int64_t m : options.rows) beside.compare(arithmetic, {m, n, k}, weight);
    }
  }
  beside.print();
  return 0;
}

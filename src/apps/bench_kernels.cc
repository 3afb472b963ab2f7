#include <random>

#include <fmt/format.h>

#include "apps/bench.h"
#include "kernels/attention.h"
#include "kernels/gemm.h"

namespace lode::apps {
namespace {

using kernels::Buffer;
using kernels::Context;
using kernels::DType;

// Elements that read as ordinary numbers in every 16-bit type: exponents near one, signs and fractions mixed.
std::vector<uint16_t> ordinary_halves(size_t n) {
  std::vector<uint16_t> out(n);
  std::mt19937 rng(1);
  for (uint16_t& x : out) x = static_cast<uint16_t>(0x3000U | (rng() & 0x83FFU));
  return out;
}

void fill_ones(Buffer<float>& buffer) {
  std::fill_n(buffer.data(), buffer.size(), 1.0F);
}

struct Shape {
  int64_t k;
  int64_t n;
};
// Attention output and query, key and value, gate and up, down: the linear layers of the 7B models.
constexpr Shape kShapes[] = {{4096, 4096}, {4096, 1024}, {4096, 14336}, {14336, 4096}};

// A weight whose other factor is rounded as well.
struct Rounded {
  const kernels::Weight& weight;
  model::Arithmetic arithmetic;
  double bits;  // of an element
};

// One product; the caller's peak brackets it.
double gemm_rate(Context& context, int64_t m, const kernels::Weight& w, int repetitions, double& noise) {
  const int64_t lda = kernels::padded_stride(w.k());
  const int64_t ldc = kernels::padded_stride(w.n());
  Buffer<float> a(static_cast<size_t>(m * lda));
  Buffer<float> c(static_cast<size_t>(m * ldc));
  fill_ones(a);
  const Timing timing = time_median(repetitions, [&] { kernels::gemm(context, a.data(), lda, m, w, c.data(), ldc); });
  noise = timing.noise;
  return 2.0 * static_cast<double>(m * w.n() * w.k()) / timing.seconds / 1e9;
}

// Of a product of m rows: weights of `weight_bits` are read once, rows of f32 come and go.
double intensity(int64_t m, const Shape& shape, double weight_bits) {
  const auto rows = static_cast<double>(m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
  return 2 * rows * n * k / (n * k * weight_bits / 8 + 4 * rows * (n + k));
}

void bench_attention(Context& context, const BenchOptions& options, model::Arithmetic arithmetic,
                     std::vector<BenchRow>& rows) {
  const kernels::AttentionShape shape = {32, 8, 128, false, model::attention_rounding(arithmetic, context.kernels)};
  const int64_t length = options.seq;
  const int64_t ldq = kernels::padded_stride(32 * 128);
  const int64_t ldkv = kernels::padded_stride(2 * 8 * 128);
  Buffer<float> q(static_cast<size_t>(length * ldq));
  Buffer<float> kv(static_cast<size_t>(length * ldkv));
  Buffer<float> out(q.size());
  fill_ones(q);
  fill_ones(kv);
  const kernels::AttentionSpan span = {0, length, 0, length};
  const double peak = measure_peak(context, arithmetic);
  const Timing timing = time_median(options.repetitions, [&] {
    kernels::attention(context, shape, std::span(&span, 1), q.data(), ldq, kv.data(), kv.data() + 8 * 128, ldkv,
                       out.data(), ldq);
  });
  const double rate = 4.0 * 32 * 128 * static_cast<double>(length * length) / timing.seconds / 1e9;
  rows.push_back({"attention", fmt::format("{} tokens, 32 heads of 128", length), std::string(model::name(arithmetic)),
                  rate, "GFLOP/s", 100 * rate / std::max(peak, measure_peak(context, arithmetic)), timing.noise});
}

}  // namespace

void bench_peaks(Context& context, const BenchOptions& options, std::vector<BenchRow>& rows) {
  ThreadPool one(1);
  Context alone(context.kernels, one);
  const std::string path(kernels::name(context.kernels.isa));
  const int n = context.pool.n_threads();
  struct Peak {
    const char* what;
    model::Arithmetic arithmetic;
    const char* unit;
  };
  for (const Peak& peak :
       {Peak{"fma peak", model::Arithmetic::f32, "GFLOP/s"}, Peak{"bf16 peak", model::Arithmetic::bf16, "GFLOP/s"},
        Peak{"int8 peak", model::Arithmetic::int8, "GOP/s"}}) {
    const std::string dtype(model::name(peak.arithmetic));
    for (Context* threads : {&alone, &context}) {
      const int n_threads = threads->pool.n_threads();
      rows.push_back({peak.what,
                      fmt::format("{} {}, {}", n_threads, n_threads == 1 ? "thread" : "threads", path),
                      dtype,
                      measure_peak(*threads, peak.arithmetic),
                      peak.unit,
                      {},
                      0});
    }
  }

  constexpr int64_t kFloats = int64_t{64} << 20;  // 256 MB a thread would not fit any cache
  Buffer<float> memory(static_cast<size_t>(kFloats));
  fill_ones(memory);
  std::vector<float> sinks(static_cast<size_t>(n));
  const Timing timing = time_median(options.repetitions, [&] {
    context.pool.run([&](int worker) {
      float panel[64];
      const int64_t share = kFloats / n / 16 * 16;
      const auto* source = reinterpret_cast<const std::byte*>(memory.data() + worker * share);
      for (int64_t i = 0; i < share; i += 64) context.kernels.to_f32(source + i * 4, DType::f32, 64, panel);
      sinks[static_cast<size_t>(worker)] = panel[0];
    });
  });
  rows.push_back({"memory read",
                  fmt::format("{} threads", n),
                  "f32",
                  4.0 * kFloats / timing.seconds / 1e9,
                  "GB/s",
                  {},
                  timing.noise});
}

void bench_kernels(Context& context, const BenchOptions& options, std::vector<BenchRow>& rows) {
  ThreadPool one(1);
  Context alone(context.kernels, one);
  for (const Shape& shape : kShapes) {
    const std::vector<uint16_t> stored = ordinary_halves(static_cast<size_t>(shape.n * shape.k));
    const kernels::MatrixView view = {reinterpret_cast<const std::byte*>(stored.data()), DType::f16, shape.n, shape.k,
                                      shape.k};
    const kernels::Weight in_place = kernels::Weight::in_place(std::span(&view, 1));
    const kernels::Weight packed = kernels::Weight::packed(context, std::span(&view, 1));
    const kernels::Weight bf16 = kernels::Weight::bf16(context, std::span(&view, 1));
    const kernels::Weight int8 = kernels::Weight::rounded(context, {kernels::Bits::eight, true}, std::span(&view, 1));
    const kernels::Weight int4 = kernels::Weight::rounded(context, {kernels::Bits::four, true}, std::span(&view, 1));
    for (const int64_t m : options.batch_tokens) {
      const std::string text = fmt::format("{} x {} x {}", m, shape.n, shape.k);
      for (const Rounded& rounded :
           {Rounded{bf16, model::Arithmetic::bf16, 16}, Rounded{int8, model::Arithmetic::int8, 8},
            Rounded{int4, model::Arithmetic::int4, 4.25}}) {
        double noise = 0;
        const double peak = measure_peak(context, rounded.arithmetic);
        const double rate = gemm_rate(context, m, rounded.weight, options.repetitions, noise);
        rows.push_back({"gemm, rows rounded", text, std::string(model::name(rounded.arithmetic)), rate,
                        rounded.arithmetic == model::Arithmetic::bf16 ? "GFLOP/s" : "GOP/s",
                        100 * rate / std::max(peak, measure_peak(context, rounded.arithmetic)), noise,
                        intensity(m, shape, rounded.bits)});
      }
      double scaling_noise = 0;
      for (const bool is_packed : {true, false}) {
        double noise = 0;
        const double peak = measure_peak(context);
        const double rate = gemm_rate(context, m, is_packed ? packed : in_place, options.repetitions, noise);
        const double around = std::max(peak, measure_peak(context));
        rows.push_back({is_packed ? "gemm" : "gemm, f16 weights unpacked", text, "f32", rate, "GFLOP/s",
                        100 * rate / around, noise, is_packed ? std::optional(intensity(m, shape, 32)) : std::nullopt});
        if (is_packed) continue;
        const double single = gemm_rate(alone, m, in_place, options.repetitions, scaling_noise);
        rows.push_back({"gemm, all threads over one", text, "f32", rate / single, "x", {}, scaling_noise});
      }
    }
  }
  for (const auto arithmetic : {model::Arithmetic::f32, model::Arithmetic::bf16}) {
    bench_attention(context, options, arithmetic, rows);
  }
}

}  // namespace lode::apps

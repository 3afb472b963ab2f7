// The one table of kernels: which instruction sets there are, which of them this CPU has, and the functions of each.
// Chosen once at start; LODE_ISA=portable|avx2|avx512 (and "scalar", another name for portable) forces a path. Every
// path computes the same algorithms (kernels_inl.h, written once); each result of one path is a fixed function of its
// own row, so it does not depend on the rows beside it, and paths differ from each other by rounding only. All
// functions are pure, noexcept and safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "kernels/dtype.h"

namespace lode::kernels {

enum class Isa : uint8_t { portable, avx2, avx512 };

std::string_view name(Isa isa);

// A dot-product depth that one accumulator runs over before its sum is added to the result. It fixes the order of
// additions of every matrix product, so it is the same for all paths and never depends on the shape of a batch.
inline constexpr int64_t kDepthBlock = 384;

// Where a panel of weights comes from: `n_columns` output columns, each a row of the stored matrix (PyTorch [out, in]).
struct PanelSource {
  const std::byte* const* rows;  // [n_columns], each points at element 0 of its row
  int n_columns;                 // <= Kernels::panel_width; the rest of the panel is zero
  DType dtype;
};

// What happens to a row of a matrix product on its way out.
struct Epilogue {
  const float* bias = nullptr;  // [n_columns], added first
  bool gelu = false;            // then the exact GELU
  bool accumulate = false;      // then added to what c holds (a residual) instead of replacing it
};

// Memory that the caller will read next: n_rows pieces of `bytes`, each at `offset` behind a row's start. A tile brings
// it towards the cache line by line between its multiply-adds, where it costs nothing; asked for in one go it would
// block them. Lines beyond a quarter of the tile's depth are left to the hardware.
struct Fetch {
  const std::byte* const* rows = nullptr;  // [n_rows]
  int64_t n_rows = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
};

struct Kernels {
  Isa isa;
  int panel_width;  // output columns of one packed panel
  int tile_rows;    // most rows one tile() call takes

  // panel [depth, panel_width] = the columns' elements k0 .. k0 + depth, as f32, transposed; missing columns are zero.
  void (*pack_panel)(const PanelSource& source, int64_t k0, int64_t depth, float* panel);

  // n elements to f32.
  void (*to_f32)(const std::byte* source, DType dtype, int64_t n, float* out);

  // c [rows, panel_width] (row stride ldc) = or += a [rows, depth] (row stride lda) times b [depth, panel_width] (row
  // stride ldb). rows <= tile_rows. Sums run over depth in order, then are added to c once.
  void (*tile)(int rows, const float* a, int64_t lda, const float* b, int64_t ldb, int64_t depth, float* c, int64_t ldc,
               bool accumulate, const Fetch& fetch);

  // c [rows, n_columns] (row stride ldc) = the epilogue of sums [rows, panel_width]; n_columns <= panel_width.
  void (*finish)(int64_t rows, const float* sums, int n_columns, const Epilogue& epilogue, float* c, int64_t ldc);

  // out [n] = w [n] * x [n] / sqrt(mean(x^2) + eps).
  void (*rms_norm)(const float* x, const float* w, int64_t n, float eps, float* out);
  // out [n] = (x - mean(x)) / sqrt(var(x) + eps) * w + b, biased variance.
  void (*layer_norm)(const float* x, const float* w, const float* b, int64_t n, float eps, float* out);
  // x [n] *= 1 / max(|x|_2, 1e-12). Returns false when the norm is not finite.
  bool (*l2_normalize)(float* x, int64_t n);

  // x [2 * half] rotated in pairs (i, i + half) by the angles whose cosines and sinines are c, s [half].
  void (*rotate_half)(float* x, const float* c, const float* s, int64_t half);

  // gate [n] = gate / (1 + exp(-gate)) * up [n].
  void (*silu_mul)(float* gate, const float* up, int64_t n);
  // x [n] = x/2 (1 + erf(x / sqrt 2)); the exact GELU.
  void (*gelu)(float* x, int64_t n);
  // x [n] = x * gelu(gate [n]).
  void (*mul_gelu)(float* x, const float* gate, int64_t n);
  // x [n] += b [n].
  void (*add)(float* x, const float* b, int64_t n);
  // x [n] *= factor.
  void (*scale)(float* x, float factor, int64_t n);

  // One block of a streaming softmax over scores s [n]: with m = max(old_max, max(s * factor)), s becomes exp(s *
  // factor - m) and the return value is {m, sum of the new s}.
  struct SoftmaxBlock {
    float max;
    float sum;
  };
  SoftmaxBlock (*softmax_block)(float* s, int64_t n, float factor, float old_max);

  // Sum of n products of the largest fused multiply-add loop that stays in registers: the peak that GEMM rates are
  // compared with. Returns the number of floating-point operations done and writes something to *sink.
  double (*fma_peak)(int64_t iterations, float* sink);
};

// The paths that this CPU can run, narrowest first.
std::span<const Kernels* const> available();

// The path to use: LODE_ISA if set (an error when it is unknown or the CPU lacks it), else the widest.
Result<const Kernels*> select();

// Each path's table; nullptr where the compiler's target has no such path. Call only those that available() lists.
const Kernels* portable_kernels();
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();

}  // namespace lode::kernels

// The one table of kernels: which instruction sets there are, which of them this CPU has, and the functions of each.
// Chosen once at start; LODE_ISA=portable|avx2|avx2_vnni|avx512|avx512_vnni|avx512_bf16 (and "scalar", another name for
// portable) forces a path. Every path computes the same algorithms (kernels_inl.h, written once); each result of one
// path is a fixed function of its own row, so it does not depend on the rows beside it, and paths differ from each
// other by rounding only. All functions are pure, noexcept and safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/error.h"
#include "kernels/dtype.h"

namespace lode::kernels {

enum class Isa : uint8_t { portable, avx2, avx2_vnni, avx512, avx512_vnni, avx512_bf16 };

std::string_view name(Isa isa);

// A dot-product depth that one accumulator runs over before its sum is added to the result. It fixes the order of
// additions of every matrix product, so it is the same for all paths and never depends on the shape of a batch.
inline constexpr int64_t kDepthBlock = 384;

// Where a panel of weights comes from: `n_columns` output columns, each a row of the stored matrix (PyTorch [out, in]).
struct PanelSource {
  const std::byte* const* rows;  // [n_columns], each points at element 0 of its row
  int n_columns;                 // <= Kernels::panel_width; the rest of the panel is zero
  DType dtype;
  const DType* dtypes = nullptr;  // [n_columns] where they differ: then dtype does not count
};

// What happens to a row of a matrix product on its way out.
struct Epilogue {
  const float* bias = nullptr;  // [n_columns], added first; sums of 8 bits and BF16 start from it
  bool gelu = false;            // then the GELU
  bool close = false;           // which may be off by 4e-5 + 5e-6 |x|: less than what BF16 and 8 bits round away
  bool accumulate = false;      // then added to what c holds (a residual) instead of replacing it
  // Of a weight that is a gate over what it lets through (Weight::gated), and nothing else: c has half as many columns,
  // gate / (1 + exp(-gate)) times the other half.
  bool gated = false;
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

// Products of 8-bit weights with rows rounded to 8 bits, summed exactly in 32 bits: the same bits on every path. A
// panel is kInt8Columns rows of the stored matrix as [depth / kInt8Step][kInt8Columns][kInt8Step], on every path alike.
inline constexpr int kInt8Columns = 16;
inline constexpr int kInt8Step = 4;
// Weights of attention (Int8Kernels::weights) are written so many at a time.
inline constexpr int64_t kInt8WeightStep = 64;
// The most elements that share a scale and an integer sum.
inline constexpr int64_t kInt8MostGroup = 4096;
// The size of a row's groups, but of its last one, which takes what is left. The fewer elements share a scale, the
// smaller is the largest of them, and the more a tile does between its products: a short row has two groups; in a long
// one the largest hardly grows with the group (of 4,096 normal numbers 3.8 deviations, of 1,024 3.4).
constexpr int64_t int8_group(int64_t k) {
  constexpr int64_t kUnit = 64;
  const int64_t n_groups = k < kInt8MostGroup ? 2 : (k + kInt8MostGroup - 1) / kInt8MostGroup;
  return (k + n_groups * kUnit - 1) / (n_groups * kUnit) * kUnit;
}
// A rotation mixes a whole row where its length is m * 2^p with m odd, m <= kMostHartley and 2^p >= kLeastRotation: a
// Walsh-Hadamard transform of each 2^p channels, a discrete Hartley transform across these m blocks. Other rows are
// mixed in blocks of kOtherRotation, and at the end in blocks of their remainder's powers of two.
inline constexpr int64_t kMostHartley = 15;
inline constexpr int64_t kLeastRotation = 64;
inline constexpr int64_t kOtherRotation = 128;

// Signs, +1 or -1 at random but always the same, that channels get before they are mixed: activations that are mostly
// of one sign (those behind a GELU) would add up in one of the mixed channels. Channel i has element i mod kSigns.
inline constexpr int64_t kSigns = 4096;
std::span<const float> rotation_signs();

// The discrete Hartley transform of m values, orthonormal: row i, column j is its element i * j mod m of these,
// (cos + sin)(2 pi i / m) / sqrt(m). For odd m <= kMostHartley.
std::span<const float> hartley(int64_t m);

// One call of Int8Kernels::tile: a group of some rows times that of one panel or of two, added up and scaled. What it
// is added to and what it gives are of [n_rows, kInt8Columns], one a panel.
struct Int8Tile {
  int n_rows = 0;                   // at most tile_rows
  int n_panels = 1;                 // at most tile_panels
  const std::byte* rows = nullptr;  // as round_input writes a group
  int64_t row_bytes = 0;            // from row to row
  const float* row_scales = nullptr;
  int64_t scale_stride = 1;            // from row to row
  const int8_t* panels[2] = {};        // [depth / kInt8Step][kInt8Columns][kInt8Step]
  const float* column_scales[2] = {};  // [kInt8Columns]
  int64_t depth = 0;                   // a multiple of kInt8Step, at most kInt8MostGroup
  const float* before[2] = {};         // sums of earlier groups, or a bias; never null
  int64_t before_stride[2] = {};       // from row to row; 0 for one row that stands for all
  float* out[2] = {};                  // may be `before`
  int64_t out_stride[2] = {};          // from row to row
  bool accumulate = false;             // whether what lies in `out` is added as well
  bool rows_are_weights = false;       // of attention, as Int8Kernels::weights writes them
  // What the caller reads next, one piece a panel, brought towards the cache meanwhile: a line at every step whose
  // index has no bit in common with next_pace, or as the path sees fit.
  const std::byte* next[2] = {};
  int64_t next_bytes = 0;  // of each piece
  int64_t next_pace = 0;   // a power of two less one
};

struct Int8Kernels {
  bool native;      // by VNNI; else exact as well, but hardly faster than f32
  int tile_rows;    // most rows one tile() call takes
  int tile_panels;  // most panels, 1 or 2
  // How a row of the other matrix lies when it is rounded: group by group, each head_bytes and then its elements.
  int element_bytes;
  int head_bytes;

  // out [k], which may be x, = x [k] multiplied by an orthonormal matrix: rotation_signs, then the transforms of
  // kMostHartley. Products of two rotated rows are those of the rows themselves, but no channel stands out any more, so
  // that few scales a row are enough (QuaRot, Ashkboos et al. 2024).
  void (*rotate)(const float* x, int64_t k, float* out);
  // out [k] = x / scale to the nearest integer, |out| <= 127; returns the scale, max |x| / 127. A row that is not
  // finite gives zeros and NaN.
  float (*round_row)(const float* x, int64_t k, int16_t* out);
  // The same for a group of the other matrix, as tile() wants it: head_bytes + depth * element_bytes, zeros behind k.
  float (*round_input)(const float* x, int64_t k, int64_t depth, std::byte* out);
  // Weights of attention as tile() wants rows of them: 255 exp(x - largest), no x above `largest`, within 1.2e-4 of
  // itself, to the nearest of 0 .. 255 behind head_bytes, for the first `seen` of n, zeros behind them up to a multiple
  // of kInt8WeightStep, for which all have room. Returns the sum of what was rounded times `factors`, and in *left_out
  // its sum less that of what it was rounded to. A factor that is NaN makes the sum NaN, behind `seen` too.
  float (*weights)(const float* x, const float* factors, int64_t seen, int64_t n, float largest, std::byte* out,
                   float* left_out);
  // out = before + the exact sum of products, as f32, times (row scale * column scale); then + out if `accumulate`.
  void (*tile)(const Int8Tile& work);
  // As fma_peak: the largest loop of tile()'s multiply-adds that stays in registers; returns its operations.
  double (*peak)(int64_t iterations, int32_t* sink);
};

// Weights in 4 bits, rounded and unpacked in blocks of kInt4Group elements of kInt8Columns rows (packed_matrix.h): the
// same bytes on every path.
struct Int4Kernels {
  // x [kInt4Group, kInt8Columns], in steps of 8-bit weights (at most 127 of them), into a block: for each row the code
  // (int4_codes.h) with about the least squared error, and the numbers nearest to the elements.
  void (*round_block)(const float* x, std::byte* block);
  // n_blocks of a panel as a panel of 8 bits.
  void (*unpack)(const std::byte* blocks, int64_t n_blocks, int8_t* out);
};

// Products of rows and weights rounded to BF16 (to nearest, ties to even), summed in f32: for elements 2i + 1 and then
// 2i a fused multiply-add each, as AVX-512's vdpbf16ps does. A panel is Kernels::panel_width rows of the stored matrix
// as [depth / 2][panel_width][2].
struct Bf16Tile {
  int n_rows = 0;                   // at most tile_rows
  const std::byte* rows = nullptr;  // as round_row writes them
  int64_t row_bytes = 0;            // from row to row
  const uint16_t* panel = nullptr;
  int64_t depth = 0;              // even
  const float* before = nullptr;  // what the products are added to, [n_rows, panel_width], if anything
  int64_t before_stride = 0;      // from row to row; 0 for one row that stands for all
  float* out = nullptr;           // [n_rows, panel_width]; may be `before`
  int64_t out_stride = 0;
  bool accumulate = false;          // whether what lies in `out` is added as well
  const std::byte* next = nullptr;  // what the caller reads next, brought towards the cache as in Int8Tile
  int64_t next_bytes = 0;
  int64_t next_pace = 0;
};

// The depth that one accumulator runs over, as kDepthBlock.
inline constexpr int64_t kBf16DepthBlock = 2048;

struct Bf16Kernels {
  bool native;        // by an instruction of the CPU; else as exact, but no faster than f32
  int tile_rows;      // most rows one tile() call takes
  int element_bytes;  // of a rounded row: 2, or 4 where f32 holds it
  // x [n] rounded, n + n % 2 elements: a zero behind an odd n.
  void (*round_row)(const float* x, int64_t n, std::byte* out);
  // A panel whose columns are source's rows, elements k0 .. k0 + depth, depth rounded up to even with zeros.
  void (*pack_panel)(const PanelSource& source, int64_t k0, int64_t depth, uint16_t* panel);
  // A panel from f32 rows [depth, n_columns <= panel_width] (row stride `stride`) that are its depth.
  void (*pack_rows)(const float* rows, int64_t stride, int64_t depth, int n_columns, uint16_t* panel);
  // Kernels::exponentials of x [seen], rounded as by round_row into out [n], zeros behind `seen`: within 1.5e-4 of
  // themselves, a tenth of what rounding them changes. x is not kept. Both have room for n rounded up to 32 elements.
  float (*exponentials)(float* x, int64_t seen, int64_t n, float factor, float shift, std::byte* out);
  void (*tile)(const Bf16Tile& work);
  // As fma_peak.
  double (*peak)(int64_t iterations, float* sink);
};

// Columns of a panel on the widest path.
inline constexpr int kMostPanelWidth = 32;

struct Kernels {
  Isa isa;
  int panel_width;  // output columns of one packed panel
  int tile_rows;    // most rows one tile() call takes

  // panel [depth, panel_width] = the columns' elements k0 .. k0 + depth, as f32, transposed; missing columns are zero.
  // Of a blocked type k0 and depth are multiples of kGroup.
  void (*pack_panel)(const PanelSource& source, int64_t k0, int64_t depth, float* panel);

  // n elements to f32; of a blocked type whole blocks, the same bits on every path.
  void (*to_f32)(const std::byte* source, DType dtype, int64_t n, float* out);

  // c [rows, panel_width] (row stride ldc) = or += a [rows, depth] (row stride lda) times b [depth, panel_width] (row
  // stride ldb). rows <= tile_rows. Sums run over depth in order, then are added to c once.
  void (*tile)(int rows, const float* a, int64_t lda, const float* b, int64_t ldb, int64_t depth, float* c, int64_t ldc,
               bool accumulate, const Fetch& fetch);

  // c [rows, n_columns] (row stride ldc) = the epilogue of sums [rows, n_columns] (row stride lds).
  void (*finish)(int64_t rows, const float* sums, int64_t lds, int n_columns, const Epilogue& epilogue, float* c,
                 int64_t ldc);

  // c [rows, n_columns] (row stride ldc) = gate / (1 + exp(-gate)) * up, both [rows, n_columns] (row stride lds). If
  // `close`, within 1.5e-4 of itself, a tenth of what rounding it to BF16 changes.
  void (*finish_gated)(int64_t rows, const float* gate, const float* up, int64_t lds, int n_columns, bool close,
                       float* c, int64_t ldc);

  // out [n] = w [n] * x [n] / sqrt(mean(x^2) + eps).
  void (*rms_norm)(const float* x, const float* w, int64_t n, float eps, float* out);
  // out [n] = (x - mean(x)) / sqrt(var(x) + eps) * w + b, biased variance.
  void (*layer_norm)(const float* x, const float* w, const float* b, int64_t n, float eps, float* out);
  // x [n] *= 1 / max(|x|_2, 1e-12). Returns false when the norm is not finite.
  bool (*l2_normalize)(float* x, int64_t n);

  // x [2 * half] rotated in pairs (i, i + half) by the angles whose cosines and sinines are c, s [half].
  void (*rotate_half)(float* x, const float* c, const float* s, int64_t half);

  // x [n] = x/2 (1 + erf(x / sqrt 2)); the exact GELU.
  void (*gelu)(float* x, int64_t n);
  // x [n] = x * gelu(gate [n]).
  void (*mul_gelu)(float* x, const float* gate, int64_t n);
  // x [n] += b [n].
  void (*add)(float* x, const float* b, int64_t n);
  // out [n], which may be x, = x [n] times factor.
  void (*scale)(const float* x, float factor, int64_t n, float* out);
  // Rows of out (stride ldo) = rows of x [rows, n] (stride ldx) times a factor each.
  void (*scale_rows)(const float* x, int64_t ldx, const float* factors, int64_t rows, int64_t n, float* out,
                     int64_t ldo);

  // A softmax has two passes over x [n]. Have all rows' first before the second of any: what one waits for at its end
  // then hides behind the next row's.
  // The largest of x [n], -3e38 of none.
  float (*largest)(const float* x, int64_t n);
  // x [n] = exp(x * factor - shift); returns their sum. Exponents are at most 88.
  float (*exponentials)(float* x, int64_t n, float factor, float shift);

  // Sum of n products of the largest fused multiply-add loop that stays in registers: the peak that GEMM rates are
  // compared with. Returns the number of floating-point operations done and writes something to *sink.
  double (*fma_peak)(int64_t iterations, float* sink);

  Bf16Kernels bf16;
  Int8Kernels int8;
  Int4Kernels int4;
};

// The paths that this CPU can run, narrowest first.
std::span<const Kernels* const> available();

// The path to use: LODE_ISA if set (an error when it is unknown or the CPU lacks it), else the widest.
Result<const Kernels*> select();

// Each path's table; nullptr where the compiler's target has no such path. Call only those that available() lists.
const Kernels* portable_kernels();
const Kernels* avx2_kernels();
const Kernels* avx2_vnni_kernels();
const Kernels* avx512_kernels();
const Kernels* avx512_vnni_kernels();
const Kernels* avx512_bf16_kernels();

}  // namespace lode::kernels

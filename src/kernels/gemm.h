// Matrix products with a weight: C [M, N] = A [M, K] W^T, W stored [N, K] as PyTorch stores a linear layer.
// Every element of C (but of a product in BF16, 8 or 4 bits, see bf16_weight.h and rounded_weight.h) is the same
// sequence of operations whatever M, the other rows, the number of threads and the way W is held: sums of kDepthBlock
// products in order of k, added up in order. So a row never depends on its batch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/bf16_weight.h"
#include "kernels/buffer.h"
#include "kernels/context.h"
#include "kernels/dtype.h"
#include "kernels/rounded_weight.h"
#include "kernels/row_source.h"

namespace lode::kernels {

struct Product;

// A stored matrix [rows, columns], row-major, `stride` elements from row to row; of a blocked type both are whole
// blocks. Rows of heads may lie interleaved: see `interleaved`.
struct MatrixView {
  const std::byte* data = nullptr;
  DType dtype = DType::f32;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t stride = 0;
  // Not 0: in every head of so many rows, row i and row i + interleaved / 2 are neighbours in memory.
  int64_t interleaved = 0;

  // Where row r lies.
  [[nodiscard]] const std::byte* row(int64_t r) const {
    if (interleaved != 0) {
      const int64_t half = interleaved / 2;
      const int64_t in_head = r % interleaved;
      r = r - in_head + in_head % half * 2 + in_head / half;
    }
    return data + r * row_bytes(dtype, stride);
  }
};

// One or several stored matrices of equal K stacked along N ([q; k; v], [gate; up]). Either left where they are (16-bit
// and blocked weights stay so; panels are unpacked as they are used), or copied once into f32 panels or rounded.
class Weight {
 public:
  Weight() = default;

  // The views' memory must outlive the Weight.
  static Weight in_place(std::span<const MatrixView> parts);
  // Copies; the views may go afterwards.
  static Weight packed(Context& context, std::span<const MatrixView> parts);
  // Becomes a copy of other matrices, in the memory that it has: pages cost more than copying.
  void pack(Context& context, std::span<const MatrixView> parts);
  // [N, K] of f32 from its transpose [K, N], copied into panels.
  static Weight packed_transposed(Context& context, const float* transposed, int64_t n, int64_t k);

  // Copies, rounded to BF16 (Bf16Weight); the views may go afterwards.
  static Weight bf16(Context& context, std::span<const MatrixView> parts);
  static Weight bf16_transposed(Context& context, const float* transposed, int64_t n, int64_t k);
  // Copies, rounded to 8 or 4 bits (RoundedWeight); the views may go afterwards.
  static Weight rounded(Context& context, Packing packing, std::span<const MatrixView> parts);
  static Weight rounded(RoundedWeight weight);

  // How a weight is held: where it lies, in f32 panels, in BF16 or rounded.
  enum class Form : uint8_t { in_place, packed, bf16, rounded };
  // One of these; `packing` is that of Form::rounded. The views' memory must outlive a weight that is in place.
  static Weight stacked(Context& context, Form form, Packing packing, std::span<const MatrixView> parts);
  // A gate over what it lets through, both [n / 2, k], for products with Epilogue::gated: their rows in turn, a panel
  // of each, so that both ends of a product meet in cache.
  static Weight gated(Context& context, Form form, Packing packing, const MatrixView& gate, const MatrixView& up);
  // The same, rounded before.
  static Weight gated(const PackedMatrix& gate, const PackedMatrix& up);
  // Rounded before; the parts' memory must outlive the Weight. All of one k and packing.
  static Weight rounded(std::span<const PackedMatrix> parts);

  [[nodiscard]] int64_t n() const { return n_; }
  [[nodiscard]] int64_t k() const { return k_; }
  // In BF16, 8 or 4 bits.
  [[nodiscard]] bool in_few_bits() const { return !bf16_.empty() || !rounded_.empty(); }
  [[nodiscard]] size_t packed_bytes() const {
    return panels_.size() * sizeof(float) + bf16_.owned_bytes() + rounded_.owned_bytes();
  }

 private:
  friend void gemm(Context&, const float*, int64_t, int64_t, const Weight&, float*, int64_t, const Epilogue&);
  friend void gemm(Context&, const float*, int64_t, int64_t, std::span<const Product>);
  friend void gemm(Context&, const RowReader&, int64_t, std::span<const Product>);

  // The stored rows of the panel that starts at `column`, when in place.
  [[nodiscard]] PanelSource source(const Kernels& kernels, int64_t column) const;
  // Whether a product rounds A's rows first, in BF16 or 8 bits.
  [[nodiscard]] bool rounds_rows(const Epilogue& epilogue) const;
  // Such a product; the context may hold the rows that were rounded for another weight.
  void multiply_rounded(Context& context, const RowSource& a, int64_t m, const Weight* rounded_for,
                        const Product& product) const;
  // Rows of two halves in turn, `width` of each, where these are whole panels.
  void interleave_halves(int64_t width);
  Weight& become(Context& context, Form form, Packing packing);

  // Elements [k0, k0 + depth) of the panel that starts at `column`, as pack_panel() gives them.
  void unpack(const Kernels& kernels, int64_t column, int64_t k0, int64_t depth, float* panel) const;

  int64_t n_ = 0;
  int64_t k_ = 0;
  DType dtype_ = DType::f32;
  std::vector<const std::byte*> rows_;  // [n_] when in place
  std::vector<DType> dtypes_;           // [n_] when in place and not all the same
  Buffer<float> panels_;                // [ceil(n / panel_width), k, panel_width] when packed
  Bf16Weight bf16_;                     // not empty when in BF16
  RoundedWeight rounded_;               // not empty when in 8 or 4 bits
  bool interleaved_ = false;            // a gate's panels and the others in turn
};

// C [m, w.n()] (row stride ldc) = epilogue(A [m, w.k()] (row stride lda) W^T). epilogue.bias is [w.n()].
// A's and C's row strides should not be multiples of 4 KiB (padded_stride), or rows fight over cache sets.
void gemm(Context& context, const float* a, int64_t lda, int64_t m, const Weight& w, float* c, int64_t ldc,
          const Epilogue& epilogue = {});

// Several products with one A, all of weights of one k and form: what has to be done to A is done once.
struct Product {
  const Weight& weight;
  float* c;
  int64_t ldc;
  Epilogue epilogue = {};
};
void gemm(Context& context, const float* a, int64_t lda, int64_t m, std::span<const Product> products);
// The same where A's rows are made: once for all products that share rounded rows, and in memory only where a product
// does not round them.
void gemm(Context& context, const RowReader& read_row, int64_t m, std::span<const Product> products);

// A row stride for n columns that keeps rows 64-byte aligned and off each other's cache sets.
constexpr int64_t padded_stride(int64_t n) {
  const int64_t lines = (n + 15) / 16;
  return (lines % 16 == 0 ? lines + 1 : lines) * 16;
}

}  // namespace lode::kernels

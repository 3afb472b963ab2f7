#include "eval/dot_products.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"

namespace lode::eval {
namespace {

using Lanes [[gnu::vector_size(16)]] = double;
constexpr int64_t kRowsA = 2;  // with kRowsB as many accumulators as the registers hold
constexpr int64_t kRowsB = 4;

Lanes load(const double* p) {
  Lanes out;
  std::memcpy(&out, p, sizeof out);
  return out;
}

// The products of A rows with B rows, both of `stride` doubles; the last rows of a smaller block are repeated.
void block(const std::array<const double*, kRowsA>& a, const std::array<const double*, kRowsB>& b, int64_t stride,
           std::array<std::array<double, kRowsB>, kRowsA>& out) {
  std::array<std::array<Lanes, kRowsB>, kRowsA> sums{};
  for (int64_t d = 0; d < stride; d += 2) {
    const Lanes a0 = load(a[0] + d), a1 = load(a[1] + d);
    const Lanes b0 = load(b[0] + d), b1 = load(b[1] + d), b2 = load(b[2] + d), b3 = load(b[3] + d);
    sums[0][0] += a0 * b0;
    sums[0][1] += a0 * b1;
    sums[0][2] += a0 * b2;
    sums[0][3] += a0 * b3;
    sums[1][0] += a1 * b0;
    sums[1][1] += a1 * b1;
    sums[1][2] += a1 * b2;
    sums[1][3] += a1 * b3;
  }
  for (size_t i = 0; i < kRowsA; ++i) {
    for (size_t j = 0; j < kRowsB; ++j) out[i][j] = sums[i][j][0] + sums[i][j][1];
  }
}

}  // namespace

void dot_products(const DoubleMatrix& a, const DoubleMatrix& b, DoubleMatrix& out) {
  LODE_CHECK(a.n_columns() == b.n_columns() && out.n_rows() == a.n_rows() && out.n_columns() == b.n_rows());
  constexpr int64_t kPanelBytes = 1 << 18;  // of b, which all rows of a pass by before the next
  const int64_t panel =
      std::max<int64_t>(1, kPanelBytes / (kRowsB * std::max<int64_t>(1, b.stride()) * int64_t{sizeof(double)})) *
      kRowsB;
  for (int64_t first = 0; first < b.n_rows(); first += panel) {
    const int64_t last = std::min(first + panel, b.n_rows());
    for (int64_t i = 0; i < a.n_rows(); i += kRowsA) {
      const int64_t n_i = std::min(kRowsA, a.n_rows() - i);
      const std::array rows_a = {a.row(i), a.row(i + n_i - 1)};
      for (int64_t j = first; j < last; j += kRowsB) {
        const int64_t n_j = std::min(kRowsB, last - j);
        const auto row_b = [&](int64_t k) { return b.row(j + std::min(k, n_j - 1)); };
        std::array<std::array<double, kRowsB>, kRowsA> products;
        block(rows_a, {row_b(0), row_b(1), row_b(2), row_b(3)}, a.stride(), products);
        for (int64_t r = 0; r < n_i; ++r) {
          std::copy_n(products[static_cast<size_t>(r)].begin(), n_j, out.row(i + r) + j);
        }
      }
    }
  }
}

}  // namespace lode::eval

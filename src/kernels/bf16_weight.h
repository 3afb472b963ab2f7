// A weight in BF16, copied once into panels (Bf16Kernels). A product rounds the rows of the other matrix to BF16 and
// sums in f32: blocks of kBf16DepthBlock in order of k, added up in order, so each element is a fixed function of its
// own row.
#pragma once

#include <cstdint>
#include <functional>

#include "kernels/buffer.h"
#include "kernels/context.h"
#include "kernels/row_source.h"

namespace lode::kernels {

class Bf16Weight {
 public:
  Bf16Weight() = default;
  // [n, k]. source_of(first) says where the columns from row `first` on lie; called from the pool's workers.
  static Bf16Weight pack(Context& context, int64_t n, int64_t k,
                         const std::function<PanelSource(int64_t first)>& source_of);
  // [n, k] of f32 from its transpose [k, n].
  static Bf16Weight pack_transposed(Context& context, const float* transposed, int64_t n, int64_t k);
  // Bytes of a weight [n, k] in panels so wide.
  static constexpr int64_t bytes_of(int64_t n, int64_t k, int64_t panel_width) {
    return (n + panel_width - 1) / panel_width * panel_width * (k + k % 2) * static_cast<int64_t>(sizeof(uint16_t));
  }

  [[nodiscard]] bool empty() const { return n_ == 0; }
  [[nodiscard]] size_t owned_bytes() const { return panels_.size() * sizeof(uint16_t); }

  // As RoundedWeight's.
  void round_rows(Context& context, const RowSource& a, int64_t m) const;
  void multiply(Context& context, int64_t m, float* c, int64_t ldc, const Epilogue& epilogue) const;

 private:
  // The memory of panels that `fill` writes: fill(first, panel).
  static Bf16Weight filled(Context& context, int64_t n, int64_t k,
                           const std::function<void(int64_t first, uint16_t* panel)>& fill);

  // Bytes from one rounded row to the next.
  [[nodiscard]] int64_t row_bytes(const Bf16Kernels& bf16) const;

  int64_t n_ = 0;
  int64_t k_ = 0;
  Buffer<uint16_t> panels_;  // [ceil(n / panel_width), even k, panel_width]
};

}  // namespace lode::kernels

// The rows [m, k] that a product takes: where they lie, or made one by one as they are rounded, so that what is made of
// a row (its norm) never leaves a near cache.
#pragma once

#include <cstdint>
#include <functional>

namespace lode::kernels {

// read_row(row, out) writes a row's k elements as f32; called from the pool's workers.
using RowReader = std::function<void(int64_t row, float* out)>;

class RowSource {
 public:
  // lda: from row to row.
  RowSource(const float* a, int64_t lda) : a_(a), lda_(lda) {}
  // `read_row` must outlive the source.
  explicit RowSource(const RowReader& read_row) : read_row_(&read_row) {}

  [[nodiscard]] bool in_memory() const { return read_row_ == nullptr; }
  // `scratch`, with room for a row, if it is made.
  const float* row(int64_t i, float* scratch) const {
    if (in_memory()) return a_ + i * lda_;
    (*read_row_)(i, scratch);
    return scratch;
  }

 private:
  const float* a_ = nullptr;
  int64_t lda_ = 0;
  const RowReader* read_row_ = nullptr;
};

}  // namespace lode::kernels

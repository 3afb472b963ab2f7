// Means of consecutive rows, sequence by sequence, fed in chunks of any size: each column of a sequence is summed in
// double in the order of its rows, so a mean depends neither on the chunks nor on the other sequences.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/context.h"

namespace lode::model {

class RowMean {
 public:
  // offsets [n_seqs + 1] say which rows belong to which sequence; none is empty. out: [n_seqs, n_columns].
  RowMean(std::span<const int64_t> offsets, int64_t n_columns, float* out);

  // The next n_rows rows, [n_rows, n_columns] with row stride `stride`.
  void add(kernels::Context& context, const float* rows, int64_t stride, int64_t n_rows);

 private:
  std::span<const int64_t> offsets_;
  int64_t n_columns_;
  float* out_;
  int64_t n_seen_ = 0;        // rows so far
  size_t sequence_ = 0;       // the one that the next row belongs to
  std::vector<double> sums_;  // [n_columns], of the unfinished sequence
};

}  // namespace lode::model

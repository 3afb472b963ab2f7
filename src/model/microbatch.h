// A batch cut into parts of whole sequences, for stacks that are small beside what passes between their layers: a part
// stays in the caches on its way through. Pure; any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/attention.h"
#include "model/batch.h"

namespace lode::model {

struct Microbatch {
  int64_t first_row = 0;  // of the batch
  int64_t n_rows = 0;
  std::vector<kernels::AttentionSpan> spans;  // its sequences, counted from first_row
};

// Consecutive sequences, up to `rows` tokens together or one longer.
std::vector<Microbatch> cut(const Batch& batch, int64_t rows);

// The same for threads that each take one at a time through a whole stack, the largest first: about equal, and as many
// as keep all threads busy to the end. None where no cut does.
std::vector<Microbatch> cut_for_threads(const Batch& batch, int64_t rows, int64_t n_threads);

}  // namespace lode::model

// Row-by-row work over a matrix, spread over the pool when there is enough of it to pay for waking the workers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "kernels/context.h"

namespace lode::kernels {

// body(row), or body(row, worker), for every row in [0, n_rows), in any order; row_floats is how much one row touches.
template <class Body>
void for_rows(Context& context, int64_t n_rows, int64_t row_floats, const Body& body) {
  constexpr int64_t kFloatsPerTask = 8192;  // a microsecond or two
  const int64_t rows_per_task = std::max<int64_t>(1, kFloatsPerTask / std::max<int64_t>(1, row_floats));
  const int64_t n_tasks = (n_rows + rows_per_task - 1) / rows_per_task;
  context.pool.for_each_by_share(static_cast<size_t>(n_tasks), [&](size_t task, int worker) {
    const int64_t first = static_cast<int64_t>(task) * rows_per_task;
    const int64_t last = std::min(first + rows_per_task, n_rows);
    for (int64_t row = first; row < last; ++row) {
      if constexpr (std::is_invocable_v<Body, int64_t, int>) {
        body(row, worker);
      } else {
        body(row);
      }
    }
  });
}

}  // namespace lode::kernels

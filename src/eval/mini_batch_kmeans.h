// Mini-batch k-means as scikit-learn's MiniBatchKMeans computes it: the same draws from the same stream (points to
// start from, batches, reassigned centres), the same updates in the same order, the same early stopping. Distances are
// f32 products, which no two machines round alike: where a point lies between two centres to f32's precision, or an
// average inertia equals the best so far, a run may part from scikit-learn's, as scikit-learn's own do. Source:
// scikit-learn 1.9, sklearn/cluster/_kmeans.py, MiniBatchKMeans.fit with its defaults (max_iter 100, tol 0,
// max_no_improvement 10, reassignment_ratio 0.01). One thread, which uses the context's pool.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "eval/numpy_random.h"
#include "kernels/context.h"

namespace lode::eval {

struct KMeansOptions {
  int n_clusters = 8;
  int batch_size = 1024;
  int n_starts = 1;  // n_init: the best of so many k-means++ starts. "auto" is 1; 3 was the default before version 1.2
};

struct KMeansResult {
  std::vector<int32_t> labels;  // [rows], the cluster of each point
  int n_steps = 0;              // batches
};

// vectors: row-major, n_dims wide; rows: the points, places in it, repeats allowed. Errors: invalid_argument for fewer
// points than clusters.
Result<KMeansResult> mini_batch_kmeans(kernels::Context& context, std::span<const float> vectors, int64_t n_dims,
                                       std::span<const uint32_t> rows, const KMeansOptions& options,
                                       NumpyRandom& random);

}  // namespace lode::eval

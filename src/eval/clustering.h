// Clustering as MTEB measures a model: mini-batch k-means of its vectors into as many clusters as there are labels, and
// the V-measure of what comes out. One thread, which uses the context's pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "eval/python_random.h"
#include "kernels/context.h"

namespace lode::eval {

using LabelLevels = std::vector<std::string>;  // a text's label on each level, the broadest first

// Sets of texts, each clustered by itself with the draws of RandomState(42): today's MTEB says so, and v1's Evaluator,
// built once a set, seeds numpy's global stream, which k-means then takes. vectors: [sum of the sets' sizes, n_dims];
// labels: of each set's texts, of which the first level counts. -> V-measure of each set.
struct SetOptions {
  int batch_size = 500;
  int n_starts = 1;  // 3 before mteb 1.1, of July 2023
};
Result<std::vector<double>> cluster_sets(kernels::Context& context, std::span<const float> vectors, int64_t n_dims,
                                         std::span<const std::vector<LabelLevels>> labels, const SetOptions& options);

// The newer way ("fast", v2): a part of the texts is embedded, and each level is clustered several times from samples
// with repeats.
struct BootstrapOptions {
  double fraction = 0.04;  // of the texts are embedded; 1 or more: all, without a draw
  uint32_t sample_size = 16384;
  int n_samples = 10;
  int batch_size = 512;
};
// The texts to embed, in the order in which they are to be given. `random`: PythonRandom(42), which the next call goes
// on with.
std::vector<uint32_t> draw_texts(size_t n_texts, const BootstrapOptions& options, PythonRandom& random);
// vectors: [labels.size(), n_dims]. -> [levels][n_samples] V-measures. Errors: those of mini_batch_kmeans;
// invalid_argument without a text that has a label.
Result<std::vector<std::vector<double>>> cluster_samples(kernels::Context& context, std::span<const float> vectors,
                                                         int64_t n_dims, std::span<const LabelLevels> labels,
                                                         const BootstrapOptions& options, PythonRandom& random);

}  // namespace lode::eval

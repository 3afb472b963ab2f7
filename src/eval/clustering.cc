#include "eval/clustering.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "eval/labelled_texts.h"
#include "eval/mini_batch_kmeans.h"
#include "eval/numpy_random.h"
#include "eval/v_measure.h"

namespace lode::eval {
namespace {

constexpr uint32_t kSeed = 42;

// The texts that have a label on a level, and these labels.
struct Level {
  std::vector<uint32_t> rows;
  std::vector<std::string> labels;
};

// Where a level is missing MTEB writes -1 and then leaves out what is -1, which only numbers are: among strings "-1" is
// a label like any other.
Level level_of(std::span<const LabelLevels> labels, size_t level) {
  bool are_numbers = true;
  for (const LabelLevels& of_text : labels)
    are_numbers = are_numbers && (of_text.size() <= level || is_whole_number(of_text[level]));
  Level out;
  for (size_t i = 0; i < labels.size(); ++i) {
    const std::string label = labels[i].size() > level ? labels[i][level] : "-1";
    if (are_numbers && label == "-1") continue;
    out.rows.push_back(static_cast<uint32_t>(i));
    out.labels.push_back(label);
  }
  return out;
}

}  // namespace

Result<std::vector<double>> cluster_sets(kernels::Context& context, std::span<const float> vectors, int64_t n_dims,
                                         std::span<const std::vector<LabelLevels>> labels, const SetOptions& options) {
  std::vector<double> out;
  uint32_t first = 0;
  for (const std::vector<LabelLevels>& set : labels) {
    std::vector<std::string> names;
    for (const LabelLevels& of_text : set) names.push_back(of_text.empty() ? std::string() : of_text.front());
    const LabelOrder order(names);
    std::vector<uint32_t> rows(set.size());
    std::iota(rows.begin(), rows.end(), first);
    first += static_cast<uint32_t>(set.size());
    LODE_CHECK(vectors.size() >= first * static_cast<size_t>(n_dims));
    if (set.empty()) return fail(Code::invalid_argument, fmt::format("Set {} has no texts to cluster", out.size()));
    NumpyRandom random(kSeed);
    const KMeansOptions kmeans{.n_clusters = static_cast<int>(order.labels().size()),
                               .batch_size = options.batch_size,
                               .n_starts = options.n_starts};
    LODE_ASSIGN(const auto found, mini_batch_kmeans(context, vectors, n_dims, rows, kmeans, random));
    out.push_back(v_measure(order.places(names), found.labels).v);
  }
  return out;
}

std::vector<uint32_t> draw_texts(size_t n_texts, const BootstrapOptions& options, PythonRandom& random) {
  const auto n = static_cast<uint32_t>(n_texts);
  if (options.fraction >= 1) {
    std::vector<uint32_t> all(n_texts);
    std::iota(all.begin(), all.end(), uint32_t{0});
    return all;
  }
  return random.sample(n, static_cast<uint32_t>(options.fraction * n));
}

Result<std::vector<std::vector<double>>> cluster_samples(kernels::Context& context, std::span<const float> vectors,
                                                         int64_t n_dims, std::span<const LabelLevels> labels,
                                                         const BootstrapOptions& options, PythonRandom& random) {
  LODE_CHECK(vectors.size() == labels.size() * static_cast<size_t>(n_dims));
  size_t n_levels = 0;
  for (const LabelLevels& of_text : labels) n_levels = std::max(n_levels, of_text.size());
  std::vector<std::vector<double>> out;
  for (size_t i = 0; i < n_levels; ++i) {
    const Level level = level_of(labels, i);
    if (level.rows.empty()) break;
    const LabelOrder order(level.labels);
    const std::vector<int32_t> places = order.places(level.labels);
    std::vector<double>& scores = out.emplace_back();
    for (int sample = 0; sample < options.n_samples; ++sample) {
      std::vector<uint32_t> rows;
      std::vector<int32_t> truth;
      for (const uint32_t j : random.choices(static_cast<uint32_t>(level.rows.size()), options.sample_size)) {
        rows.push_back(level.rows[j]);
        truth.push_back(places[j]);
      }
      NumpyRandom start(kSeed);
      const KMeansOptions kmeans{.n_clusters = static_cast<int>(order.labels().size()),
                                 .batch_size = options.batch_size};
      LODE_ASSIGN(const auto found, mini_batch_kmeans(context, vectors, n_dims, rows, kmeans, start));
      scores.push_back(v_measure(truth, found.labels).v);
    }
  }
  if (out.empty()) {
    return fail(Code::invalid_argument, fmt::format("None of {} texts to cluster has a label", labels.size()),
                "Too few texts leave none of 4 % of them.");
  }
  return out;
}

}  // namespace lode::eval

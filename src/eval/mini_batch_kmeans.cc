#include "eval/mini_batch_kmeans.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "eval/kmeans_plus_plus.h"
#include "eval/vector_sums.h"
#include "kernels/gemm.h"

namespace lode::eval {
namespace {

class Clusters {
 public:
  Clusters(kernels::Context& context, std::span<const float> vectors, int64_t n_dims, int n_clusters)
      : context_(context), vectors_(vectors), n_dims_(n_dims), n_clusters_(n_clusters) {}

  [[nodiscard]] const std::vector<float>& centres() const { return centres_; }
  void set_centres(std::vector<float> centres) { centres_ = std::move(centres); }

  [[nodiscard]] std::vector<float> gather(std::span<const uint32_t> rows) const {
    const auto n = static_cast<size_t>(n_dims_);
    std::vector<float> out(rows.size() * n);
    for (size_t i = 0; i < rows.size(); ++i) std::copy_n(vectors_.data() + rows[i] * n, n, out.data() + i * n);
    return out;
  }

  struct Assignment {
    std::vector<int32_t> labels;  // the nearest centre of each point, the first of equally near ones
    double inertia = 0;           // sum of the squared distances to it
  };
  Assignment assign(std::span<const uint32_t> rows) const {
    constexpr size_t kBlock = 1024;
    Assignment out;
    for (size_t first = 0; first < rows.size(); first += kBlock) {
      const auto block = rows.subspan(first, std::min(kBlock, rows.size() - first));
      assign_points(gather(block), std::ssize(block), out);
    }
    return out;
  }
  // points: [n, n_dims].
  void assign_points(const std::vector<float>& points, int64_t n, Assignment& out) const {
    const kernels::MatrixView view{.data = reinterpret_cast<const std::byte*>(centres_.data()),
                                   .dtype = kernels::DType::f32,
                                   .rows = n_clusters_,
                                   .columns = n_dims_,
                                   .stride = n_dims_};
    const int64_t stride = kernels::padded_stride(n_clusters_);
    std::vector<float> products(static_cast<size_t>(n * stride));
    kernels::gemm(context_, points.data(), n_dims_, n, kernels::Weight::in_place(std::span(&view, 1)), products.data(),
                  stride);
    std::vector<float> norms(static_cast<size_t>(n_clusters_));
    for (int64_t c = 0; c < n_clusters_; ++c)
      norms[static_cast<size_t>(c)] = static_cast<float>(dot_product(centre(c), centre(c), n_dims_));
    const size_t before = out.labels.size();
    out.labels.resize(before + static_cast<size_t>(n));
    std::vector<double> distances(static_cast<size_t>(n));
    context_.pool.for_each(static_cast<size_t>(n), [&](size_t i, int) {
      const float* const row = products.data() + i * static_cast<size_t>(stride);
      float least = std::numeric_limits<float>::infinity();
      int32_t label = 0;
      for (int32_t c = 0; c < n_clusters_; ++c) {
        const float distance = norms[static_cast<size_t>(c)] - 2 * row[c];
        if (distance < least) {
          least = distance;
          label = c;
        }
      }
      out.labels[before + i] = label;
      distances[i] = squared_distance(points.data() + i * static_cast<size_t>(n_dims_), centre(label), n_dims_);
    });
    for (const double distance : distances) out.inertia += distance;
  }

  // Moves each centre to the mean of all points that it ever got, counts_ being how many; returns the batch's inertia
  // before that.
  double step(std::span<const uint32_t> batch, std::vector<float>& counts, bool reassign, NumpyRandom& random) {
    const std::vector<float> points = gather(batch);
    Assignment assignment;
    assign_points(points, std::ssize(batch), assignment);
    const auto n = static_cast<size_t>(n_dims_);
    context_.pool.for_each(static_cast<size_t>(n_clusters_), [&](size_t c, int) {
      const auto label = static_cast<int32_t>(c);
      const auto n_new = static_cast<float>(std::ranges::count(assignment.labels, label));
      if (n_new == 0) return;
      const std::span<float> centre = std::span(centres_).subspan(c * n, n);
      for (float& v : centre) v *= counts[c];
      for (size_t i = 0; i < batch.size(); ++i) {
        if (assignment.labels[i] != label) continue;
        for (size_t d = 0; d < n; ++d) centre[d] += points[i * n + d];
      }
      counts[c] += n_new;
      const float share = 1 / counts[c];
      for (float& v : centre) v *= share;
    });
    if (reassign) reassign_rare(points, batch.size(), counts, random);
    return assignment.inertia;
  }

 private:
  [[nodiscard]] const float* centre(int64_t c) const { return centres_.data() + c * n_dims_; }

  // Centres with less than a hundredth of the points of the largest go to points of the batch.
  void reassign_rare(const std::vector<float>& points, size_t n_points, std::vector<float>& counts,
                     NumpyRandom& random) {
    constexpr float kRatio = 0.01F;
    const float least = kRatio * std::ranges::max(counts);
    const auto n = static_cast<size_t>(n_dims_);
    std::vector<bool> rare(counts.size());
    size_t n_rare = 0;
    for (size_t c = 0; c < counts.size(); ++c) n_rare += (rare[c] = counts[c] < least) ? 1 : 0;
    const size_t most = n_points / 2;
    if (2 * n_rare > n_points) {
      std::vector<size_t> order(counts.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::ranges::stable_sort(order, {}, [&](size_t c) { return counts[c]; });
      for (size_t i = most; i < order.size(); ++i) rare[order[i]] = false;
      n_rare = static_cast<size_t>(std::ranges::count(rare, true));
    }
    if (n_rare == 0) return;
    const std::vector<int64_t> chosen =
        random.choice_without(static_cast<int64_t>(n_points), static_cast<int64_t>(n_rare));
    float smallest = std::numeric_limits<float>::infinity();
    for (size_t c = 0; c < counts.size(); ++c) {
      if (!rare[c]) smallest = std::min(smallest, counts[c]);
    }
    for (size_t c = 0, i = 0; c < counts.size(); ++c) {
      if (!rare[c]) continue;
      std::copy_n(points.data() + static_cast<size_t>(chosen[i++]) * n, n, centres_.data() + c * n);
      counts[c] = smallest;  // not zero, or it would be reassigned at once
    }
  }

  kernels::Context& context_;
  std::span<const float> vectors_;
  int64_t n_dims_;
  int n_clusters_;
  std::vector<float> centres_;  // [n_clusters, n_dims]
};

// Ends a run when the smoothed inertia of a batch has not fallen for a while.
class Patience {
 public:
  Patience(size_t n_points, size_t batch_size)
      : alpha_(std::min(1.0, 2.0 * static_cast<double>(batch_size) / static_cast<double>(n_points + 1))) {}

  bool is_over(double inertia) {
    constexpr int kMostWithout = 10;
    if (n_seen_++ == 0) return false;  // the start's
    average_ = n_seen_ == 2 ? inertia : average_ * (1 - alpha_) + inertia * alpha_;
    if (average_ < least_) {
      least_ = average_;
      n_without_ = 0;
    } else {
      ++n_without_;
    }
    return n_without_ >= kMostWithout;
  }

 private:
  double alpha_;
  double average_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
  int n_seen_ = 0;
  int n_without_ = 0;
};

// randint(0, rows.size(), n), as rows.
std::vector<uint32_t> draw_rows(std::span<const uint32_t> rows, size_t n, NumpyRandom& random) {
  std::vector<uint32_t> out(n);
  for (uint32_t& row : out) row = rows[static_cast<size_t>(random.randint(std::ssize(rows)))];
  return out;
}

}  // namespace

Result<KMeansResult> mini_batch_kmeans(kernels::Context& context, std::span<const float> vectors, int64_t n_dims,
                                       std::span<const uint32_t> rows, const KMeansOptions& options,
                                       NumpyRandom& random) {
  LODE_CHECK(options.n_clusters > 0 && options.batch_size > 0 && options.n_starts > 0);
  if (std::ssize(rows) < options.n_clusters) {
    return fail(Code::invalid_argument,
                fmt::format("{} points were given for {} clusters, at least as many points were expected", rows.size(),
                            options.n_clusters));
  }
  const size_t n = rows.size();
  const size_t batch_size = std::min(static_cast<size_t>(options.batch_size), n);
  const auto n_clusters = static_cast<size_t>(options.n_clusters);
  const size_t start_size = std::min(n, 3 * batch_size < n_clusters ? 3 * n_clusters : 3 * batch_size);

  Clusters clusters(context, vectors, n_dims, options.n_clusters);
  const std::vector<uint32_t> validation = draw_rows(rows, start_size, random);
  std::vector<float> best;
  double least = std::numeric_limits<double>::infinity();
  for (int start = 0; start < options.n_starts; ++start) {
    const std::vector<uint32_t> some =
        start_size < n ? draw_rows(rows, start_size, random) : std::vector<uint32_t>(rows.begin(), rows.end());
    std::vector<uint32_t> centres = kmeans_plus_plus(context.pool, vectors, n_dims, some, options.n_clusters, random);
    for (uint32_t& centre : centres) centre = some[centre];
    clusters.set_centres(clusters.gather(centres));
    if (options.n_starts == 1) {
      best = clusters.centres();
    } else if (const double inertia = clusters.assign(validation).inertia; start == 0 || inertia < least) {
      least = inertia;
      best = clusters.centres();
    }
  }
  clusters.set_centres(std::move(best));

  std::vector<float> counts(n_clusters, 0.0F);
  const std::vector<double> equal(n, static_cast<double>(1.0F / static_cast<float>(n)));
  const std::vector<double> cumulative = NumpyRandom::cumulative(equal);
  const size_t n_steps = 100 * n / batch_size;
  size_t n_since_reassignment = 0;
  Patience patience(n, batch_size);
  KMeansResult out;
  std::vector<uint32_t> batch(batch_size);
  for (size_t i = 0; i < n_steps; ++i) {
    for (uint32_t& row : batch) row = rows[random.choice(cumulative)];
    n_since_reassignment += batch_size;
    const bool reassign = std::ranges::find(counts, 0.0F) != counts.end() || n_since_reassignment >= 10 * n_clusters;
    if (reassign) n_since_reassignment = 0;
    const double inertia = clusters.step(batch, counts, reassign, random);
    out.n_steps = static_cast<int>(i) + 1;
    if (patience.is_over(inertia / static_cast<double>(batch_size))) break;
  }
  out.labels = clusters.assign(rows).labels;
  return out;
}

}  // namespace lode::eval

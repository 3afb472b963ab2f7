#include "eval/exact_search.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/gemm.h"

namespace lode::eval {
namespace {

constexpr int64_t kQueryBlock = 256;
constexpr int64_t kDocumentBlock = 4096;

// The best k of what it was shown. Holds up to 2k and then throws the worse half away.
class Best {
 public:
  void take(std::span<const float> scores, uint32_t first, size_t k, const std::vector<uint32_t>& ranks) {
    for (size_t i = 0; i < scores.size(); ++i) {
      if (scores[i] < floor_) continue;
      held_.push_back({first + static_cast<uint32_t>(i), scores[i]});
      if (held_.size() >= 2 * k + kSlack) cut(k, ranks);
    }
  }
  std::vector<Neighbour> finish(size_t k, const std::vector<uint32_t>& ranks) {
    cut(k, ranks);
    std::ranges::sort(held_, Order{ranks});
    return std::move(held_);
  }

 private:
  static constexpr size_t kSlack = 64;
  struct Order {
    const std::vector<uint32_t>& ranks;
    bool operator()(const Neighbour& a, const Neighbour& b) const {
      return a.score != b.score ? a.score > b.score : ranks[a.document] > ranks[b.document];
    }
  };
  void cut(size_t k, const std::vector<uint32_t>& ranks) {
    if (held_.size() <= k) return;
    std::ranges::nth_element(held_, held_.begin() + static_cast<ptrdiff_t>(k), Order{ranks});
    held_.resize(k);
    floor_ = std::ranges::min(held_, {}, &Neighbour::score).score;
  }

  std::vector<Neighbour> held_;
  float floor_ = -std::numeric_limits<float>::infinity();
};

}  // namespace

std::vector<uint32_t> id_ranks(std::span<const std::string> ids) {
  std::vector<uint32_t> order(ids.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  std::ranges::sort(order, {}, [&](uint32_t d) -> const std::string& { return ids[d]; });
  std::vector<uint32_t> ranks(ids.size());
  for (size_t i = 0; i < order.size(); ++i) ranks[order[i]] = static_cast<uint32_t>(i);
  return ranks;
}

std::vector<Neighbour> best_of(std::span<const float> scores, const std::vector<uint32_t>& ranks, size_t k) {
  LODE_CHECK(scores.size() == ranks.size());
  k = std::min(k, ranks.size());
  if (k == 0) return {};
  Best best;
  best.take(scores, 0, k, ranks);
  return best.finish(k, ranks);
}

std::vector<std::vector<Neighbour>> exact_search(kernels::Context& context, std::span<const float> queries,
                                                 std::span<const float> documents, int64_t dims,
                                                 std::span<const std::string> ids, size_t k) {
  const auto n_documents = std::ssize(ids);
  const auto n_queries = std::ssize(queries) / dims;
  LODE_CHECK(std::ssize(documents) == n_documents * dims && std::ssize(queries) == n_queries * dims);
  k = std::min(k, ids.size());
  std::vector<std::vector<Neighbour>> out(static_cast<size_t>(n_queries));
  if (k == 0) return out;
  const std::vector<uint32_t> ranks = id_ranks(ids);
  const int64_t stride = kernels::padded_stride(kDocumentBlock);
  std::vector<float> scores(static_cast<size_t>(kQueryBlock * stride));
  for (int64_t q = 0; q < n_queries; q += kQueryBlock) {
    const int64_t n_q = std::min(kQueryBlock, n_queries - q);
    std::vector<Best> best(static_cast<size_t>(n_q));
    for (int64_t d = 0; d < n_documents; d += kDocumentBlock) {
      const int64_t n_d = std::min(kDocumentBlock, n_documents - d);
      const kernels::MatrixView view{.data = reinterpret_cast<const std::byte*>(documents.data() + d * dims),
                                     .dtype = kernels::DType::f32,
                                     .rows = n_d,
                                     .columns = dims,
                                     .stride = dims};
      const kernels::Weight block = kernels::Weight::in_place(std::span(&view, 1));
      kernels::gemm(context, queries.data() + q * dims, dims, n_q, block, scores.data(), stride);
      context.pool.for_each(static_cast<size_t>(n_q), [&](size_t i, int) {
        best[i].take(std::span(scores).subspan(i * static_cast<size_t>(stride), static_cast<size_t>(n_d)),
                     static_cast<uint32_t>(d), k, ranks);
      });
    }
    context.pool.for_each(static_cast<size_t>(n_q),
                          [&](size_t i, int) { out[static_cast<size_t>(q) + i] = best[i].finish(k, ranks); });
  }
  return out;
}

}  // namespace lode::eval

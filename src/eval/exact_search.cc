#include "eval/exact_search.h"

#include <algorithm>
#include <bit>
#include <mutex>
#include <numeric>
#include <xmmintrin.h>

#include "base/parallel.h"
#include "kernels/gemm.h"

namespace lode::eval {
namespace {

// A task is a product of so many queries and documents whose scores stay in the L2 cache until the best are taken.
constexpr int64_t kQueryBlock = 240;
constexpr int64_t kChunk = 256;
// Documents that are packed before tasks run over them: all queries pass by while these lie in L3.
constexpr size_t kPassBytes = size_t{8} << 20;

// One number whose order is that of (score, place of the id): comparing and moving these is what a selection costs.
// Places are below 2^32, so the score decides first. Both zeros are equal.
uint64_t key_of(float score, uint32_t place) {
  constexpr uint32_t kSign = 0x80000000U;
  const auto bits = std::bit_cast<uint32_t>(score + 0.0F);
  return uint64_t{(bits & kSign) != 0 ? ~bits : bits | kSign} << 32 | place;
}

float score_of_key(uint64_t key) {
  constexpr uint32_t kSign = 0x80000000U;
  const auto bits = static_cast<uint32_t>(key >> 32);
  return std::bit_cast<float>((bits & kSign) != 0 ? bits & ~kSign : ~bits);
}

// Bit i: scores[i] >= floor, or no number. scores: [16].
uint32_t not_below(const float* scores, float floor) {
  const __m128 limit = _mm_set1_ps(floor);
  uint32_t bits = 0;
  for (int i = 0; i < 4; ++i) {
    const int four = _mm_movemask_ps(_mm_cmpnlt_ps(_mm_loadu_ps(scores + 4 * i), limit));
    bits |= static_cast<uint32_t>(four) << (4 * i);
  }
  return bits;
}

// The best k of what it was shown. Holds up to 2k and then throws the worse half away.
class Best {
 public:
  explicit Best(float least = -std::numeric_limits<float>::infinity()) : floor_(least) {}

  // places: of the documents that the scores belong to.
  void take(std::span<const float> scores, const uint32_t* places, size_t k) {
    constexpr size_t kStep = 16;
    size_t i = 0;
    // Most scores are below the floor once k documents were seen, and which are not cannot be predicted.
    for (; i + kStep <= scores.size(); i += kStep) {
      for (uint32_t left = not_below(scores.data() + i, floor_); left != 0; left &= left - 1) {
        const size_t at = i + static_cast<size_t>(std::countr_zero(left));
        take_one(scores[at], places[at], k);
      }
    }
    for (; i < scores.size(); ++i) take_one(scores[i], places[i], k);
  }
  std::vector<Neighbour> finish(size_t k, const IdOrder& order) {
    cut(k);
    std::ranges::sort(held_, std::ranges::greater{});
    std::vector<Neighbour> out;
    out.reserve(held_.size());
    for (const uint64_t key : held_) out.push_back({order.document[static_cast<uint32_t>(key)], score_of_key(key)});
    held_ = {};
    return out;
  }

 private:
  static constexpr size_t kSlack = 64;

  void take_one(float score, uint32_t place, size_t k) {
    if (score < floor_) return;
    held_.push_back(key_of(score, place));
    if (held_.size() >= 2 * k + kSlack) cut(k);
  }
  void cut(size_t k) {
    if (held_.size() <= k) return;
    const auto last = held_.begin() + static_cast<ptrdiff_t>(k) - 1;
    std::ranges::nth_element(held_, last, std::ranges::greater{});
    floor_ = score_of_key(*last);
    held_.resize(k);
  }

  std::vector<uint64_t> held_;
  float floor_;
};

kernels::MatrixView rows_of(std::span<const float> documents, int64_t first, int64_t n, int64_t dims) {
  return {.data = reinterpret_cast<const std::byte*>(documents.data() + first * dims),
          .dtype = kernels::DType::f32,
          .rows = n,
          .columns = dims,
          .stride = dims};
}

}  // namespace

IdOrder::IdOrder(std::span<const std::string> ids) : place(ids.size()), document(ids.size()) {
  std::iota(document.begin(), document.end(), uint32_t{0});
  std::ranges::sort(document, {}, [&](uint32_t d) -> const std::string& { return ids[d]; });
  for (size_t i = 0; i < document.size(); ++i) place[document[i]] = static_cast<uint32_t>(i);
}

std::vector<Neighbour> best_of(std::span<const float> scores, const IdOrder& order, size_t k, float least) {
  LODE_CHECK(scores.size() == order.place.size());
  k = std::min(k, scores.size());
  if (k == 0) return {};
  Best best(least);
  best.take(scores, order.place.data(), k);
  return best.finish(k, order);
}

struct ExactSearch::Impl {
  // A worker's own: a product inside a task runs on the task's thread.
  struct Worker {
    explicit Worker(const kernels::Kernels& kernels) : pool(1), context(kernels, pool) {}
    ThreadPool pool;
    kernels::Context context;
    kernels::Buffer<float> scores;  // [kQueryBlock, padded kChunk]
  };

  Impl(kernels::Context& outer, int64_t n_dims, const IdOrder& ids, size_t n_best)
      : context(outer), dims(n_dims), order(ids), k(std::min(n_best, ids.place.size())) {
    for (int i = 0; i < outer.pool.n_threads(); ++i) workers.push_back(std::make_unique<Worker>(outer.kernels));
  }

  void run(Worker& worker, const kernels::Weight& chunk, int64_t block, int64_t first_document) {
    const int64_t first = block * kQueryBlock;
    const int64_t n = std::min(kQueryBlock, n_queries - first);
    constexpr int64_t kStride = kernels::padded_stride(kChunk);
    float* const scores = worker.scores.resize(static_cast<size_t>(kQueryBlock * kStride));
    kernels::gemm(worker.context, queries.data() + first * stride, stride, n, chunk, scores, kStride);
    // Two threads may be at the same queries' other documents.
    const std::lock_guard lock(taking[static_cast<size_t>(block)]);
    for (int64_t q = 0; q < n; ++q) {
      best[static_cast<size_t>(first + q)].take({scores + q * kStride, static_cast<size_t>(chunk.n())},
                                                order.place.data() + first_document, k);
    }
  }

  kernels::Context& context;
  int64_t dims;
  const IdOrder& order;
  size_t k;
  int64_t n_queries = 0;
  int64_t stride = 0;
  kernels::Buffer<float> queries;  // [n_queries, stride]
  std::vector<Best> best;
  std::vector<std::mutex> taking;  // by block of queries
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<kernels::Weight> chunks;  // of a pass
  size_t n_added = 0;
};

ExactSearch::ExactSearch(kernels::Context& context, std::span<const float> queries, int64_t dims, const IdOrder& order,
                         size_t k)
    : impl_(std::make_unique<Impl>(context, dims, order, k)) {
  Impl& impl = *impl_;
  impl.n_queries = std::ssize(queries) / dims;
  LODE_CHECK(std::ssize(queries) == impl.n_queries * dims);
  impl.stride = kernels::padded_stride(dims);
  float* const copy = impl.queries.resize(static_cast<size_t>(impl.n_queries * impl.stride));
  for (int64_t q = 0; q < impl.n_queries; ++q) std::copy_n(queries.data() + q * dims, dims, copy + q * impl.stride);
  impl.best.resize(static_cast<size_t>(impl.n_queries));
  impl.taking = std::vector<std::mutex>(static_cast<size_t>((impl.n_queries + kQueryBlock - 1) / kQueryBlock));
}

ExactSearch::~ExactSearch() = default;

void ExactSearch::add(std::span<const float> documents) {
  Impl& impl = *impl_;
  const int64_t n_documents = std::ssize(documents) / impl.dims;
  LODE_CHECK(std::ssize(documents) == n_documents * impl.dims);
  LODE_CHECK(impl.n_added + static_cast<size_t>(n_documents) <= impl.order.place.size());
  const size_t n_blocks = impl.taking.size();
  if (impl.k > 0 && n_blocks > 0) {
    const auto chunk_bytes = static_cast<size_t>(kChunk * impl.dims) * sizeof(float);
    const auto pass_chunks = static_cast<int64_t>(std::max(kPassBytes / chunk_bytes, impl.workers.size()));
    for (int64_t begin = 0; begin < n_documents; begin += pass_chunks * kChunk) {
      const int64_t n_pass = std::min(pass_chunks * kChunk, n_documents - begin);
      const auto n_chunks = static_cast<size_t>((n_pass + kChunk - 1) / kChunk);
      const auto view = [&](size_t c) {
        const int64_t first = begin + static_cast<int64_t>(c) * kChunk;
        return rows_of(documents, first, std::min(kChunk, begin + n_pass - first), impl.dims);
      };
      const auto first_of = [&](size_t c) {
        return static_cast<int64_t>(impl.n_added) + begin + static_cast<int64_t>(c) * kChunk;
      };
      impl.chunks.resize(std::max(impl.chunks.size(), n_chunks));
      impl.context.pool.for_each(n_chunks, [&](size_t c, int worker) {
        const kernels::MatrixView rows = view(c);
        kernels::Context& own = impl.workers[static_cast<size_t>(worker)]->context;
        // Packing pays when several blocks of queries read it.
        if (n_blocks > 1) {
          impl.chunks[c].pack(own, std::span(&rows, 1));
        } else {
          impl.chunks[c] = kernels::Weight::in_place(std::span(&rows, 1));
        }
      });
      // Chunks are the inner index: a block of queries stays in L2 while they pass by.
      impl.context.pool.for_each(n_blocks * n_chunks, [&](size_t task, int worker) {
        const size_t c = task % n_chunks;
        impl.run(*impl.workers[static_cast<size_t>(worker)], impl.chunks[c], static_cast<int64_t>(task / n_chunks),
                 first_of(c));
      });
    }
  }
  impl.n_added += static_cast<size_t>(n_documents);
}

std::vector<std::vector<Neighbour>> ExactSearch::finish() {
  Impl& impl = *impl_;
  LODE_CHECK(impl.n_added == impl.order.place.size());
  std::vector<std::vector<Neighbour>> out(static_cast<size_t>(impl.n_queries));
  if (impl.k == 0) return out;
  impl.context.pool.for_each(out.size(), [&](size_t q, int) { out[q] = impl.best[q].finish(impl.k, impl.order); });
  return out;
}

std::vector<std::vector<Neighbour>> exact_search(kernels::Context& context, std::span<const float> queries,
                                                 std::span<const float> documents, int64_t dims,
                                                 std::span<const std::string> ids, size_t k) {
  const IdOrder order(ids);
  ExactSearch search(context, queries, dims, order, k);
  search.add(documents);
  return search.finish();
}

}  // namespace lode::eval

#include "search/vector_graph.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#ifdef LODE_USEARCH
#include <usearch/index.hpp>
#endif

#include "base/parallel.h"
#include "kernels/int8_rows.h"
#include "search/graph_file.h"

namespace lode::search {

namespace fs = std::filesystem;

RoundedQuery rounded(std::span<const float> vector) {
  float most = 0;
  for (const float x : vector) most = std::max(most, std::abs(x));
  RoundedQuery out;
  out.scale = most / 127;
  for (const float x : vector) {
    out.components.push_back(static_cast<int8_t>(out.scale > 0 ? std::lround(x / out.scale) : 0));
  }
  return out;
}

float rounded_cosine(const int8_t* a, float scale_a, const int8_t* b, float scale_b, size_t n_dims) {
  constexpr float kMost = 4;
  const float cosine = static_cast<float>(kernels::int8_product(a, b, n_dims)) * scale_a * scale_b;
  return cosine >= -kMost && cosine <= kMost ? cosine : -kMost;  // a damaged scale may be anything, NaN too
}

fs::path VectorGraph::path_in(const fs::path& index, std::string_view identity) {
  return VectorFile::path_in(index, identity).replace_extension(".hnsw");
}

#ifdef LODE_USEARCH
namespace {

namespace us = unum::usearch;

// Chosen for a recall of the nearest 10 of 0.99 and more among a million vectors of 384 dimensions
// (docs/performance.md).
constexpr size_t kNeighbours = 16;  // a row's, and twice as many on the lowest level
constexpr size_t kExpansionOfBuilding = 128;
constexpr size_t kExpansionOfSearch = 384;
constexpr size_t kSearchesAtOnce = 16;
// Rows that are added before somebody is asked whether to go on, that are worth writing a graph for, and after which it
// is written in between.
constexpr size_t kStep = 1024;
constexpr size_t kWorthKeeping = 2'000;
constexpr size_t kKeepAfter = 250'000;

using Graph = us::index_gt<float, uint64_t, uint32_t>;

struct Vector {
  const int8_t* components;
  float scale;
};

// Between rows that lie in the file, by the graph's slots.
class Distance {
 public:
  Distance(const std::vector<VectorRow>& rows, size_t n_dims) : rows_(rows), n_dims_(n_dims) {}
  float operator()(const Vector& query, Graph::member_citerator_t slot) const {
    return between(query, vector(get_slot(slot)));
  }
  float operator()(Graph::member_citerator_t a, Graph::member_citerator_t b) const {
    return between(vector(get_slot(a)), vector(get_slot(b)));
  }

 private:
  [[nodiscard]] Vector vector(size_t slot) const { return {rows_[slot].components(), rows_[slot].scale()}; }
  [[nodiscard]] float between(const Vector& a, const Vector& b) const {
    return 1 - rounded_cosine(a.components, a.scale, b.components, b.scale, n_dims_);
  }

  const std::vector<VectorRow>& rows_;  // by slot
  size_t n_dims_;
};

// The rows of a node's neighbours, fetched from memory side by side.
class Prefetch {
 public:
  Prefetch(const std::vector<VectorRow>& rows, size_t n_dims) : rows_(rows), n_dims_(n_dims) {}
  template <class Iterator>
  void operator()(Iterator begin, Iterator end) const {
    constexpr size_t kLine = 64;
    for (; begin != end; ++begin) {
      const int8_t* const row = rows_[get_slot(begin)].components();
      for (size_t at = 0; at < n_dims_; at += kLine) __builtin_prefetch(row + at, 0, 1);
    }
  }

 private:
  const std::vector<VectorRow>& rows_;
  size_t n_dims_;
};

// A result of usearch that nobody looks into throws when it goes.
template <class UsearchResult>
bool is_done(UsearchResult&& result) {
  return result.error.release() == nullptr;
}

// What the file's first n_rows rows would be stamped with.
GraphStamp stamp_of(const VectorFile& file, const fs::path& path, size_t n_rows) {
  GraphStamp out{.n_dims = static_cast<uint64_t>(file.dims()), .n_rows = n_rows};
  // The model's identity is a part of the file's name.
  out.identity = std::stoull(path.stem().string().substr(std::string_view("vectors-").size()), nullptr, 16);
  out.rows_check = file.check_of_rows(n_rows);
  return out;
}

std::unexpected<Error> no_memory() {
  return fail(Code::internal, "no memory for a graph of the vectors");
}

std::optional<GraphFile> open_graph(const fs::path& path, const VectorFile& file, size_t n_rows) {
  std::optional<GraphFile> out = GraphFile::open(path);
  const bool fits = out && out->stamp().n_rows <= n_rows && out->stamp() == stamp_of(file, path, out->stamp().n_rows);
  return fits ? std::move(out) : std::nullopt;
}

}  // namespace

struct VectorGraph::Impl {
  Impl(std::shared_ptr<const VectorFile> of, GraphFile opened) : vectors(std::move(of)), file(std::move(opened)) {}

  std::shared_ptr<const VectorFile> vectors;
  GraphFile file;
  Graph graph;
  std::vector<VectorRow> rows;  // by slot
  std::mutex mutex;             // of what follows: the searches that may begin
  std::condition_variable returned;
  std::vector<size_t> free;
};

bool VectorGraph::is_available() {
  return true;
}
VectorGraph::VectorGraph(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VectorGraph::~VectorGraph() = default;

std::shared_ptr<const VectorGraph> VectorGraph::open(const fs::path& index, std::string_view identity,
                                                     std::shared_ptr<const VectorFile> file) {
  const std::vector<VectorRow> rows = file->numbered_rows();
  std::optional<GraphFile> opened = open_graph(path_in(index, identity), *file, rows.size());
  if (!opened) return nullptr;
  auto impl = std::make_unique<Impl>(std::move(file), *std::move(opened));
  const std::string_view bytes = impl->file.graph();
  impl->graph.try_reserve(us::index_limits_t(0, kSearchesAtOnce));
  // usearch asks for bytes that it could change; a view changes none.
  auto* const data = const_cast<us::byte_t*>(reinterpret_cast<const us::byte_t*>(bytes.data()));
  if (!is_done(impl->graph.view(us::memory_mapped_file_t(data, bytes.size())))) return nullptr;
  for (size_t slot = 0; slot < impl->graph.size(); ++slot) impl->rows.push_back(rows[impl->graph.at(slot).key]);
  for (size_t i = 0; i < kSearchesAtOnce; ++i) impl->free.push_back(i);
  return std::shared_ptr<const VectorGraph>(new VectorGraph(std::move(impl)));
}

size_t VectorGraph::n_rows() const {
  return impl_->graph.size();
}

std::vector<uint32_t> VectorGraph::nearest(const RoundedQuery& query, size_t n,
                                           const std::function<bool(uint32_t row)>& is_wanted) const {
  const auto n_dims = static_cast<size_t>(impl_->vectors->dims());
  LODE_CHECK(query.components.size() == n_dims);
  us::index_search_config_t config;
  config.expansion = std::max(kExpansionOfSearch, n);
  {
    std::unique_lock lock(impl_->mutex);
    impl_->returned.wait(lock, [this] { return !impl_->free.empty(); });
    config.thread = impl_->free.back();
    impl_->free.pop_back();
  }
  auto result = impl_->graph.search(
      Vector{query.components.data(), query.scale}, n, Distance(impl_->rows, n_dims), config,
      [&](const Graph::member_cref_t& member) { return is_wanted(static_cast<uint32_t>(uint64_t{member.key})); },
      Prefetch(impl_->rows, n_dims));
  std::vector<uint32_t> out;
  for (size_t i = 0; is_done(result) && i < result.size(); ++i)
    out.push_back(static_cast<uint32_t>(uint64_t{result[i].member.key}));
  const std::scoped_lock lock(impl_->mutex);
  impl_->free.push_back(config.thread);
  impl_->returned.notify_one();
  return out;
}

Result<size_t> update_vector_graph(const fs::path& index, std::string_view identity, int64_t n_dims,
                                   const GraphBuilding& building) {
  const fs::path path = VectorGraph::path_in(index, identity);
  LODE_ASSIGN(const VectorFile file, VectorFile::open(index, identity, n_dims));
  const std::vector<VectorRow> rows = file.numbered_rows();
  if (rows.size() > UINT32_MAX) {
    return fail(Code::too_large, fmt::format("{} has more rows than a graph can name", path.string()));
  }
  const us::index_limits_t limits(rows.size(), static_cast<size_t>(building.n_threads));
  Graph graph(us::index_config_t(kNeighbours, 2 * kNeighbours));
  size_t n_begun = 0;
  if (const std::optional<GraphFile> old = open_graph(path, file, rows.size())) {
    if (rows.size() - old->stamp().n_rows <= building.most_behind) return 0;
    std::string_view left = old->graph();
    const bool is_loaded = is_done(graph.load_from_stream([&](void* to, size_t n_bytes) {
      if (n_bytes > left.size()) return false;
      std::copy_n(left.data(), n_bytes, static_cast<char*>(to));
      left.remove_prefix(n_bytes);
      return true;
    }));
    if (!is_loaded) return no_memory();
    n_begun = graph.size();
  }
  if (!graph.try_reserve(limits)) return no_memory();
  std::vector<VectorRow> by_slot(rows.size());
  for (size_t slot = 0; slot < n_begun; ++slot) by_slot[slot] = rows[uint64_t{graph.at(slot).key}];
  const Distance distance(by_slot, static_cast<size_t>(n_dims));
  const Prefetch prefetch(by_slot, static_cast<size_t>(n_dims));

  const auto keep = [&](size_t n_done) -> Status {
    LODE_ASSIGN(GraphFileWriter writer, GraphFileWriter::open(path));
    Status written;
    (void)is_done(graph.save_to_stream([&](const void* bytes, size_t n_bytes) {
      written = writer.append({static_cast<const char*>(bytes), n_bytes});
      return written.has_value();
    }));
    LODE_TRY(std::move(written));
    return writer.finish(stamp_of(file, path, n_done));
  };
  const auto locked_keep = [&](size_t n_done) { return building.locked([&] { return keep(n_done); }); };

  ThreadPool pool(building.n_threads);
  size_t n_kept = n_begun;
  for (size_t next = n_begun; next < rows.size();) {
    if (building.stopped()) {
      if (next - n_kept >= kWorthKeeping) LODE_TRY(locked_keep(next));
      return fail(Code::cancelled, "interrupted", "The vectors that are made stay; run it again to go on");
    }
    std::atomic<bool> is_added = true;
    const size_t n = std::min(kStep, rows.size() - next);
    pool.for_each(n, [&](size_t i, int worker) {
      us::index_update_config_t config;
      config.expansion = kExpansionOfBuilding;
      config.thread = static_cast<size_t>(worker);
      const VectorRow row = rows[next + i];
      const auto take_slot = [&](const Graph::member_ref_t& member) { by_slot[member.slot] = row; };
      const Vector vector{row.components(), row.scale()};
      if (!is_done(graph.add(next + i, vector, distance, config, take_slot, prefetch))) is_added = false;
    });
    if (!is_added) return no_memory();
    next += n;
    building.progress(next, rows.size());
    if (next - n_kept < kKeepAfter && next < rows.size()) continue;
    LODE_TRY(locked_keep(next));
    n_kept = next;
  }
  return rows.size() - n_begun;
}

#else  // without usearch

struct VectorGraph::Impl {};
bool VectorGraph::is_available() {
  return false;
}
VectorGraph::VectorGraph(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VectorGraph::~VectorGraph() = default;
std::shared_ptr<const VectorGraph> VectorGraph::open(const fs::path&, std::string_view,
                                                     std::shared_ptr<const VectorFile>) {
  return nullptr;
}
size_t VectorGraph::n_rows() const {
  return 0;
}
std::vector<uint32_t> VectorGraph::nearest(const RoundedQuery&, size_t, const std::function<bool(uint32_t)>&) const {
  return {};
}
Result<size_t> update_vector_graph(const fs::path&, std::string_view, int64_t, const GraphBuilding&) {
  return 0;
}

#endif

}  // namespace lode::search

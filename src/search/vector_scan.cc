#include "search/vector_scan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "search/block_keys.h"

namespace lode::search {
namespace {

constexpr size_t kLookedAtAgain = 128;
// A graph's walk passes by what is not wanted; with more of that than so many times the rest, a scan is as fast.
constexpr size_t kMostPassedBy = 4;
constexpr uint32_t kNoChunk = UINT32_MAX;

}  // namespace

Result<VectorScan> VectorScan::open(IndexReader& reader, std::shared_ptr<const VectorFile> file,
                                    index::VectorCache* exact, std::shared_ptr<const VectorGraph> graph,
                                    const GraphLimits& limits) {
  ReadExact read;
  if (exact != nullptr) {
    read = [exact](const index::VectorKey& key, std::span<float> row) { return exact->read(key, row); };
  }
  return open(reader, std::move(file), std::move(read), std::move(graph), limits);
}

Result<VectorScan> VectorScan::open(IndexReader& reader, std::shared_ptr<const VectorFile> file, ReadExact exact,
                                    std::shared_ptr<const VectorGraph> graph, const GraphLimits& limits) {
  LODE_ASSIGN(const std::vector<BlockKey> keys, block_keys(reader));
  return over(keys, reader.first_chunks(), std::move(file), std::move(exact), std::move(graph), limits);
}

VectorScan VectorScan::over(std::span<const BlockKey> blocks, std::span<const uint32_t> first_chunks,
                            std::shared_ptr<const VectorFile> file, ReadExact exact,
                            std::shared_ptr<const VectorGraph> graph, const GraphLimits& limits) {
  VectorScan out;
  const size_t n_chunks_of_all = first_chunks.empty() ? 0 : first_chunks.back();
  out.rows_.resize(n_chunks_of_all);
  out.contents_.resize(n_chunks_of_all);
  out.first_chunks_.assign(first_chunks.begin(), first_chunks.end());
  if (n_chunks_of_all > limits.most_scanned) out.graph_ = std::move(graph);
  if (out.graph_) out.chunks_.assign(file->n_numbers(), kNoChunk);
  for (uint32_t place = 0; place < blocks.size(); ++place) {
    const uint32_t first = out.first_chunks_[place], n_chunks = out.first_chunks_[place + 1] - first;
    std::fill_n(out.contents_.begin() + first, n_chunks, place);
    if (file->n_rows(blocks[place]) != n_chunks) continue;
    const size_t number = file->first_number(blocks[place]);
    for (uint32_t chunk = 0; chunk < n_chunks; ++chunk) {
      const VectorRow row = file->row(blocks[place], chunk);
      out.rows_[first + chunk] = row;
      if (!row) continue;
      ++out.n_vectors_;
      if (out.graph_) out.chunks_[number + chunk] = first + chunk;
    }
  }
  out.file_ = std::move(file);
  out.exact_ = std::move(exact);
  out.limits_ = limits;
  return out;
}

bool VectorScan::is_wanted(const Wanted& wanted, uint32_t chunk) const {
  return rows_[chunk] && (wanted.contents.empty() || wanted.contents[contents_[chunk]] != 0);
}

VectorScan::Cosines VectorScan::cosines(std::span<const float> query, const Wanted& wanted) {
  LODE_CHECK(std::cmp_equal(query.size(), dims()));
  const RoundedQuery asked = rounded(query);
  Cosines out{.by_chunk = std::vector<float>(rows_.size(), kNone)};
  std::vector<uint32_t> known;
  const auto look_at = [&](uint32_t chunk) {
    const VectorRow row = rows_[chunk];
    if (!row || out.by_chunk[chunk] > kNone) return;
    out.by_chunk[chunk] =
        rounded_cosine(asked.components.data(), asked.scale, row.components(), row.scale(), query.size());
    known.push_back(chunk);
  };

  size_t n_wanted = n_vectors_;
  if (graph_ && !wanted.contents.empty()) {
    n_wanted = 0;
    for (uint32_t place = 0; place < wanted.contents.size(); ++place) {
      if (wanted.contents[place] != 0) n_wanted += first_chunks_[place + 1] - first_chunks_[place];
    }
  }
  const bool walks = graph_ && n_wanted > limits_.most_scanned && wanted.n_nearest < limits_.most_scanned &&
                     graph_->n_rows() <= kMostPassedBy * n_wanted;
  if (walks) {
    out.is_whole = false;
    const auto is_chunk = [&](uint32_t row) { return chunks_[row] != kNoChunk && is_wanted(wanted, chunks_[row]); };
    std::vector<uint32_t> nearest = graph_->nearest(asked, wanted.n_nearest, is_chunk);
    for (uint32_t& row : nearest) look_at(row = chunks_[row]);
    // What the graph does not know yet, and of both together the nearest.
    for (size_t row = graph_->n_rows(); row < chunks_.size(); ++row) {
      const auto number = static_cast<uint32_t>(row);
      if (!is_chunk(number)) continue;
      look_at(chunks_[row]);
      nearest.push_back(chunks_[row]);
    }
    const size_t n = std::min(wanted.n_nearest, nearest.size());
    std::ranges::nth_element(nearest, nearest.begin() + static_cast<ptrdiff_t>(n),
                             [&](uint32_t a, uint32_t b) { return out.by_chunk[a] > out.by_chunk[b]; });
    std::vector<uint32_t> contents(wanted.also.begin(), wanted.also.end());
    for (size_t i = 0; i < n; ++i) contents.push_back(contents_[nearest[i]]);
    std::ranges::sort(contents);
    contents.erase(std::ranges::unique(contents).begin(), contents.end());
    for (const uint32_t place : contents) {
      for (uint32_t chunk = first_chunks_[place]; chunk < first_chunks_[place + 1]; ++chunk) look_at(chunk);
    }
  } else {
    for (uint32_t chunk = 0; chunk < rows_.size(); ++chunk) {
      if (is_wanted(wanted, chunk)) look_at(chunk);
    }
    for (const uint32_t place : wanted.also) {
      for (uint32_t chunk = first_chunks_[place]; chunk < first_chunks_[place + 1]; ++chunk) look_at(chunk);
    }
  }

  if (!exact_) return out;
  const size_t n = std::min(kLookedAtAgain, known.size());
  std::ranges::nth_element(known, known.begin() + static_cast<ptrdiff_t>(n),
                           [&](uint32_t a, uint32_t b) { return out.by_chunk[a] > out.by_chunk[b]; });
  std::vector<float> vector(query.size());
  for (size_t i = 0; i < n; ++i) {
    if (!exact_(rows_[known[i]].key(), vector)) continue;
    out.by_chunk[known[i]] = std::inner_product(query.begin(), query.end(), vector.begin(), 0.0F);
  }
  return out;
}

std::vector<float> VectorScan::vector_of(index::TextId chunk) {
  if (chunk >= rows_.size() || !rows_[chunk]) return {};
  const VectorRow row = rows_[chunk];
  std::vector<float> out(static_cast<size_t>(dims()));
  if (exact_ && exact_(row.key(), out)) return out;
  const std::span<const int8_t> components(row.components(), out.size());
  std::ranges::copy(components, out.begin());
  const float length = std::sqrt(std::inner_product(out.begin(), out.end(), out.begin(), 0.0F));
  if (length == 0) return {};
  for (float& x : out) x /= length;
  return out;
}

}  // namespace lode::search

#include "search/vector_scan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "kernels/int8_rows.h"

namespace lode::search {
namespace {

constexpr size_t kLookedAtAgain = 128;

}  // namespace

Result<VectorScan> VectorScan::open(IndexReader& reader, std::shared_ptr<const VectorFile> file,
                                    index::VectorCache* exact) {
  if (exact == nullptr) return open(reader, std::move(file), ReadExact());
  return open(reader, std::move(file),
              [exact](const index::VectorKey& key, std::span<float> row) { return exact->read(key, row); });
}

Result<VectorScan> VectorScan::open(IndexReader& reader, std::shared_ptr<const VectorFile> file, ReadExact exact) {
  VectorScan out;
  LODE_ASSIGN(const std::vector<ContentHash> hashes, reader.content_hashes());
  out.rows_.resize(reader.n_chunks());
  for (size_t place = 0; place < hashes.size(); ++place) {
    const uint32_t first = reader.first_chunks()[place], n_chunks = reader.first_chunks()[place + 1] - first;
    if (file->n_rows(hashes[place]) != n_chunks) continue;
    for (uint32_t chunk = 0; chunk < n_chunks; ++chunk) out.rows_[first + chunk] = file->row(hashes[place], chunk);
  }
  out.n_vectors_ = static_cast<size_t>(std::ranges::count_if(out.rows_, [](VectorRow row) { return bool(row); }));
  out.file_ = std::move(file);
  out.exact_ = std::move(exact);
  return out;
}

std::vector<float> VectorScan::cosines(std::span<const float> query) {
  LODE_CHECK(std::cmp_equal(query.size(), dims()));
  float most = 0;
  for (const float x : query) most = std::max(most, std::abs(x));
  const float scale = most / 127;
  std::vector<int8_t> rounded;
  for (const float x : query) rounded.push_back(static_cast<int8_t>(scale > 0 ? std::lround(x / scale) : 0));
  std::vector<float> out(rows_.size(), kNone);
  std::vector<uint32_t> order;
  for (uint32_t chunk = 0; chunk < rows_.size(); ++chunk) {
    const VectorRow row = rows_[chunk];
    if (!row) continue;
    const int32_t product = kernels::int8_product(rounded.data(), row.components(), rounded.size());
    out[chunk] = static_cast<float>(product) * scale * row.scale();
    order.push_back(chunk);
  }
  if (!exact_) return out;
  const size_t n = std::min(kLookedAtAgain, order.size());
  std::ranges::nth_element(order, order.begin() + static_cast<ptrdiff_t>(n),
                           [&](uint32_t a, uint32_t b) { return out[a] > out[b]; });
  std::vector<float> vector(query.size());
  for (size_t i = 0; i < n; ++i) {
    if (!exact_(rows_[order[i]].key(), vector)) continue;
    out[order[i]] = std::inner_product(query.begin(), query.end(), vector.begin(), 0.0F);
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

#include "index/query_vector.h"

#include <cmath>
#include <numeric>
#include <string_view>

namespace lode::index {
namespace {

constexpr size_t kEnoughProse = 200;  // bytes, some thirty words

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) + 1 - begin);
}

}  // namespace

std::vector<std::string> query_texts(const QueryParts& parts) {
  if (parts.title.empty() || trimmed(parts.all) == trimmed(parts.title)) return {parts.all};
  return {parts.title, trimmed(parts.prose).size() >= kEnoughProse ? parts.prose : parts.all};
}

std::vector<float> mean_direction(std::span<const float> rows, size_t n_dims) {
  std::vector<double> sum(n_dims, 0.0);
  for (size_t at = 0; at < rows.size(); at += n_dims) {
    for (size_t i = 0; i < n_dims; ++i) sum[i] += static_cast<double>(rows[at + i]);
  }
  const double length = std::sqrt(std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0));
  std::vector<float> out(n_dims, 0.0F);
  if (length == 0) return out;
  for (size_t i = 0; i < n_dims; ++i) out[i] = static_cast<float>(sum[i] / length);
  return out;
}

}  // namespace lode::index

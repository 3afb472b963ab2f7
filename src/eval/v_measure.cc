#include "eval/v_measure.h"

#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"

namespace lode::eval {
namespace {

template <class Counts>
double entropy(const Counts& counts, double n) {
  double sum = 0;
  for (const auto& [key, count] : counts) sum -= count / n * std::log(count / n);
  return sum;
}

}  // namespace

VMeasure v_measure(std::span<const int32_t> classes, std::span<const int32_t> clusters) {
  LODE_CHECK(classes.size() == clusters.size());
  VMeasure out;
  if (classes.empty()) return out;
  std::map<int32_t, double> of_class, of_cluster;
  std::map<std::pair<int32_t, int32_t>, double> of_both;
  for (size_t i = 0; i < classes.size(); ++i) {
    ++of_class[classes[i]];
    ++of_cluster[clusters[i]];
    ++of_both[{classes[i], clusters[i]}];
  }
  const auto n = static_cast<double>(classes.size());
  const double h_class = entropy(of_class, n), h_cluster = entropy(of_cluster, n);
  double information = 0;
  for (const auto& [both, count] : of_both) {
    information += count / n * std::log(count * n / (of_class[both.first] * of_cluster[both.second]));
  }
  if (h_class > 0) out.homogeneity = information / h_class;
  if (h_cluster > 0) out.completeness = information / h_cluster;
  const double sum = out.homogeneity + out.completeness;
  out.v = sum == 0 ? 0.0 : 2 * out.homogeneity * out.completeness / sum;
  return out;
}

}  // namespace lode::eval

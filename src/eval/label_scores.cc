#include "eval/label_scores.h"

#include <cstddef>
#include <map>

#include "base/error.h"

namespace lode::eval {
namespace {

struct Counts {
  double n_true = 0;
  double n_predicted = 0;
  double n_right = 0;
};

double ratio(double part, double whole) {
  return whole > 0 ? part / whole : 0;
}

}  // namespace

LabelScores label_scores(std::span<const int32_t> truth, std::span<const int32_t> predicted) {
  LODE_CHECK(truth.size() == predicted.size());
  LabelScores out;
  std::map<int32_t, Counts> of_label;
  for (size_t i = 0; i < truth.size(); ++i) {
    ++of_label[truth[i]].n_true;
    ++of_label[predicted[i]].n_predicted;
    if (truth[i] == predicted[i]) ++of_label[truth[i]].n_right;
  }
  const auto n = static_cast<double>(truth.size()), n_labels = static_cast<double>(of_label.size());
  for (const auto& [label, counts] : of_label) {
    const double precision = ratio(counts.n_right, counts.n_predicted), recall = ratio(counts.n_right, counts.n_true);
    const double f1 = ratio(2 * counts.n_right, counts.n_true + counts.n_predicted);
    out.accuracy += counts.n_right / n;
    out.f1 += f1 / n_labels;
    out.precision += precision / n_labels;
    out.recall += recall / n_labels;
    const double weight = counts.n_true / n;
    out.f1_weighted += f1 * weight;
    out.precision_weighted += precision * weight;
    out.recall_weighted += recall * weight;
  }
  return out;
}

}  // namespace lode::eval

// How well clusters follow classes: scikit-learn's homogeneity_completeness_v_measure with beta 1. Any integers as
// labels. Pure; any thread. classes and clusters: same length.
#pragma once

#include <cstdint>
#include <span>

namespace lode::eval {

struct VMeasure {
  double homogeneity = 1;   // clusters hold one class
  double completeness = 1;  // classes lie in one cluster
  double v = 1;             // their harmonic mean
};
VMeasure v_measure(std::span<const int32_t> classes, std::span<const int32_t> clusters);

}  // namespace lode::eval

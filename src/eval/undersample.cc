#include "eval/undersample.h"

#include <cstddef>
#include <numeric>
#include <unordered_map>

#include "eval/numpy_random.h"

namespace lode::eval {

std::vector<std::vector<uint32_t>> undersample(std::span<const int32_t> labels, int n_per_label, int n_experiments) {
  constexpr uint32_t kSeed = 42;
  std::vector<uint32_t> order(labels.size());
  std::iota(order.begin(), order.end(), uint32_t{0});
  std::vector<std::vector<uint32_t>> out;
  for (int experiment = 0; experiment < n_experiments; ++experiment) {
    NumpyRandom random(kSeed);
    random.shuffle(std::span(order));
    std::unordered_map<int32_t, int> n_taken;
    std::vector<uint32_t>& taken = out.emplace_back();
    for (const uint32_t row : order) {
      if (n_taken[labels[row]]++ < n_per_label) taken.push_back(row);
    }
  }
  return out;
}

}  // namespace lode::eval

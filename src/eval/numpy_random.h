// The streams of numpy's legacy RandomState, bit for bit: MTEB draws its samples from them, so the same sample needs
// the same stream. MT19937 seeded by one integer (init_genrand), bounded integers by masked rejection, permutations by
// Fisher-Yates from the end. Not for secrets. One thread at a time.
// Source: numpy/random/mtrand.pyx and src/distributions/distributions.c (legacy, frozen by NEP 19).
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace lode::eval {

class NumpyRandom {
 public:
  explicit NumpyRandom(uint32_t seed) : engine_(seed) {}

  uint32_t next32() { return static_cast<uint32_t>(engine_()); }
  // 53 bits in [0, 1): random_sample().
  double uniform();
  // In [0, max], both included: random_interval(), which shuffle and permutation use.
  uint64_t interval(uint64_t max);
  // In [0, n): randint(n) with the default dtype (int64).
  int64_t randint(int64_t n);

  // shuffle(x) of a list or array with one axis.
  template <class T>
  void shuffle(std::span<T> x) {
    for (size_t i = x.size(); i-- > 1;) std::swap(x[i], x[static_cast<size_t>(interval(i))]);
  }
  // permutation(n).
  std::vector<int64_t> permutation(int64_t n);
  // choice(n, k, replace=False).
  std::vector<int64_t> choice_without(int64_t n, int64_t k);
  // choice(p.size(), p=p), given cumulative(p).
  size_t choice(std::span<const double> cumulative);
  // The running sums of p, scaled to end at 1. p: at least one, none negative.
  static std::vector<double> cumulative(std::span<const double> p);

 private:
  std::mt19937 engine_;
};

}  // namespace lode::eval

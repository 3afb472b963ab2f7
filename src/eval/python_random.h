// The streams of CPython's random.Random(seed), value for value: MTEB's newer clustering draws its documents from them.
// MT19937 seeded by init_by_array of the seed's 32-bit words. Not for secrets. One thread at a time.
// Source: Lib/random.py and Modules/_randommodule.c of CPython 3.11.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace lode::eval {

class PythonRandom {
 public:
  explicit PythonRandom(uint64_t seed);

  uint32_t next32() { return static_cast<uint32_t>(engine_()); }
  // 53 bits in [0, 1): random().
  double uniform();
  // getrandbits(n_bits), n_bits of 1 to 64.
  uint64_t bits(int n_bits);
  // _randbelow(n): in [0, n), n > 0.
  uint64_t below(uint64_t n);

  // sample(range(n), k), k <= n.
  std::vector<uint32_t> sample(uint32_t n, uint32_t k);
  // choices(range(n), k=k), with repeats; n > 0.
  std::vector<uint32_t> choices(uint32_t n, uint32_t k);
  // shuffle(x).
  template <class T>
  void shuffle(std::span<T> x) {
    for (size_t i = x.size(); i-- > 1;) std::swap(x[i], x[static_cast<size_t>(below(i + 1))]);
  }

 private:
  std::mt19937 engine_;
};

}  // namespace lode::eval

#include "eval/python_random.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <unordered_set>

#include "base/error.h"

namespace lode::eval {
namespace {

// Matsumoto and Nishimura's init_by_array in the shape of a seed sequence, which std::mt19937 takes its state from.
class InitByArray {
 public:
  using result_type = uint32_t;
  explicit InitByArray(uint64_t seed) : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {
    if (key_[1] == 0) n_key_ = 1;  // as many words as the number needs, one for zero
  }

  template <class Iterator>
  void generate(Iterator begin, Iterator end) const {
    std::array<uint32_t, kWords> state;
    LODE_CHECK(end - begin == static_cast<ptrdiff_t>(kWords));
    state[0] = 19650218U;
    for (size_t i = 1; i < kWords; ++i) {
      state[i] = 1812433253U * (state[i - 1] ^ (state[i - 1] >> 30)) + static_cast<uint32_t>(i);
    }
    size_t i = 1;
    const auto step = [&](uint32_t factor) { return state[i] ^ ((state[i - 1] ^ (state[i - 1] >> 30)) * factor); };
    const auto advance = [&] {
      if (++i < kWords) return;
      state[0] = state[kWords - 1];
      i = 1;
    };
    for (size_t n = 0, j = 0; n < kWords; ++n, j = (j + 1) % n_key_) {
      state[i] = step(1664525U) + key_[j] + static_cast<uint32_t>(j);
      advance();
    }
    for (size_t n = 1; n < kWords; ++n) {
      state[i] = step(1566083941U) - static_cast<uint32_t>(i);
      advance();
    }
    state[0] = 0x80000000U;
    for (const uint32_t word : state) *begin++ = word;
  }

 private:
  static constexpr size_t kWords = std::mt19937::state_size;
  std::array<uint32_t, 2> key_;
  size_t n_key_ = 2;
};

std::mt19937 seeded(uint64_t seed) {
  InitByArray sequence(seed);
  return std::mt19937(sequence);
}

}  // namespace

PythonRandom::PythonRandom(uint64_t seed) : engine_(seeded(seed)) {}

double PythonRandom::uniform() {
  const uint32_t high = next32() >> 5, low = next32() >> 6;
  return (high * 67108864.0 + low) / 9007199254740992.0;
}

uint64_t PythonRandom::bits(int n_bits) {
  LODE_CHECK(n_bits >= 1 && n_bits <= 64);
  if (n_bits <= 32) return next32() >> (32 - n_bits);
  const uint64_t low = next32();
  return low | static_cast<uint64_t>(next32() >> (64 - n_bits)) << 32;
}

uint64_t PythonRandom::below(uint64_t n) {
  LODE_CHECK(n > 0);
  const int n_bits = std::bit_width(n);  // n's own, so that n of a power of two rejects half
  uint64_t value;
  while ((value = bits(n_bits)) >= n) {
  }
  return value;
}

std::vector<uint32_t> PythonRandom::sample(uint32_t n, uint32_t k) {
  LODE_CHECK(k <= n);
  std::vector<uint32_t> out(k);
  // Which of two ways is taken, by what a set would weigh, decides the stream.
  double set_size = 21;
  if (k > 5) set_size += std::pow(4, std::ceil(std::log(3.0 * k) / std::log(4.0)));
  if (n <= set_size) {
    std::vector<uint32_t> pool(n);
    std::iota(pool.begin(), pool.end(), uint32_t{0});
    for (uint32_t i = 0; i < k; ++i) {
      const auto j = static_cast<size_t>(below(n - i));
      out[i] = pool[j];
      pool[j] = pool[n - i - 1];
    }
  } else {
    std::unordered_set<uint32_t> selected;
    for (uint32_t& value : out) {
      do {
        value = static_cast<uint32_t>(below(n));
      } while (!selected.insert(value).second);
    }
  }
  return out;
}

std::vector<uint32_t> PythonRandom::choices(uint32_t n, uint32_t k) {
  LODE_CHECK(n > 0);
  std::vector<uint32_t> out(k);
  for (uint32_t& value : out) value = static_cast<uint32_t>(std::floor(uniform() * n));
  return out;
}

}  // namespace lode::eval

// Four floats in the compiler's own vector type: plain C++ for CPUs without AVX2 and the simplest path to compare with.
// Included once, by kernels_portable.cc, inside its namespace.

using Raw = float __attribute__((vector_size(16)));
using RawInt = int32_t __attribute__((vector_size(16)));

struct Vec {
  static constexpr int kLanes = 4;
  Raw v;
};

inline Vec set1(float x) {
  return {Raw{x, x, x, x}};
}
inline Vec load(const float* p) {
  Raw v;
  __builtin_memcpy(&v, p, sizeof v);
  return {v};
}
inline void store(float* p, Vec x) {
  __builtin_memcpy(p, &x.v, sizeof x.v);
}
inline Vec load_first(const float* p, int n) {
  Raw v{};
  for (int i = 0; i < n; ++i) v[i] = p[i];
  return {v};
}
inline void store_first(float* p, Vec x, int n) {
  for (int i = 0; i < n; ++i) p[i] = x.v[i];
}
inline Vec operator+(Vec a, Vec b) {
  return {a.v + b.v};
}
inline Vec operator-(Vec a, Vec b) {
  return {a.v - b.v};
}
inline Vec operator*(Vec a, Vec b) {
  return {a.v * b.v};
}
inline Vec operator/(Vec a, Vec b) {
  return {a.v / b.v};
}
inline Vec fma(Vec a, Vec b, Vec c) {
  return {a.v * b.v + c.v};
}
// 1 / x within 2^-22 of itself.
inline Vec inverse(Vec x) {
  return set1(1.0F) / x;
}
inline Vec max(Vec a, Vec b) {
  return {a.v > b.v ? a.v : b.v};
}
inline Vec min(Vec a, Vec b) {
  return {a.v < b.v ? a.v : b.v};
}
inline Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
  return {a.v > b.v ? yes.v : no.v};
}
// The lanes at and after n replaced by `fill`.
inline Vec keep_first(Vec x, int n, float fill) {
  for (int i = n; i < Vec::kLanes; ++i) x.v[i] = fill;
  return x;
}
inline float reduce_add(Vec x) {
  return (x.v[0] + x.v[2]) + (x.v[1] + x.v[3]);
}
inline float reduce_max(Vec x) {
  float m = x.v[0];
  for (int i = 1; i < Vec::kLanes; ++i) m = x.v[i] > m ? x.v[i] : m;
  return m;
}
// x rounded to the nearest integer, |x| < 2^22.
inline Vec round_nearest(Vec x) {
  const Vec magic = set1(12582912.0F);  // 1.5 * 2^23: adding it leaves no fraction bits
  return (x + magic) - magic;
}
// 2^n for integral n in [-126, 127].
inline Vec exp2_int(Vec n) {
  const RawInt bits = (__builtin_convertvector(n.v, RawInt) + 127) << 23;
  Raw v;
  __builtin_memcpy(&v, &bits, sizeof v);
  return {v};
}

inline float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000U) << 16;
  const uint32_t exponent = (h >> 10) & 0x1FU;
  const uint32_t fraction = h & 0x3FFU;
  uint32_t bits = 0;
  if (exponent == 0x1F) {
    bits = sign | 0x7F800000U | (fraction << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (fraction << 13);
  } else {  // zero or subnormal: fraction * 2^-24 is exact in f32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  float x = 0;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
inline Vec load_half(const std::byte* p) {
  uint16_t h[Vec::kLanes];
  __builtin_memcpy(h, p, sizeof h);
  return {Raw{half_to_float(h[0]), half_to_float(h[1]), half_to_float(h[2]), half_to_float(h[3])}};
}
inline Vec load_bfloat(const std::byte* p) {
  uint16_t h[Vec::kLanes];
  __builtin_memcpy(h, p, sizeof h);
  const RawInt bits = {h[0] << 16, h[1] << 16, h[2] << 16, static_cast<int32_t>(static_cast<uint32_t>(h[3]) << 16)};
  Raw v;
  __builtin_memcpy(&v, &bits, sizeof v);
  return {v};
}

// As bits: what a bfloat, the upper half of an f32, is made of.
using RawBits = uint32_t __attribute__((vector_size(16)));
inline RawBits bits_of(Vec x) {
  RawBits bits;
  __builtin_memcpy(&bits, &x.v, sizeof bits);
  return bits;
}
inline Vec of_bits(RawBits bits) {
  Raw v;
  __builtin_memcpy(&v, &bits, sizeof v);
  return {v};
}
// The nearest bfloats, ties to even.
inline Vec nearest_bfloat(Vec x) {
  const RawBits bits = bits_of(x);
  const RawBits rounded = (bits + (0x7FFFU + ((bits >> 16) & 1U))) & 0xFFFF0000U;
  const RawBits nan = {0x7FC00000U, 0x7FC00000U, 0x7FC00000U, 0x7FC00000U};
  return of_bits(x.v == x.v ? rounded : nan);
}
// Two bfloats a lane, `even` in its lower half; and one of them as f32 again.
inline Vec bfloat_pairs(Vec even, Vec odd) {
  return of_bits((bits_of(nearest_bfloat(even)) >> 16) | bits_of(nearest_bfloat(odd)));
}
inline Vec even_of_pairs(Vec pairs) {
  return of_bits(bits_of(pairs) << 16);
}
inline Vec odd_of_pairs(Vec pairs) {
  return of_bits(bits_of(pairs) & 0xFFFF0000U);
}

// In place: lane j of rows[i] becomes lane i of rows[j].
inline void transpose(Vec* rows) {
  for (int i = 0; i < Vec::kLanes; ++i) {
    for (int j = i + 1; j < Vec::kLanes; ++j) {
      const float t = rows[i].v[j];
      rows[i].v[j] = rows[j].v[i];
      rows[j].v[i] = t;
    }
  }
}

// Lanes at this distance in pairs: the lower becomes the sum, the upper the difference.
template <int kDistance>
inline Vec butterfly(Vec x) {
  static_assert(kDistance == 1 || kDistance == 2);
  const Raw v = x.v;
  if constexpr (kDistance == 1) return {Raw{v[0] + v[1], v[0] - v[1], v[2] + v[3], v[2] - v[3]}};
  return {Raw{v[0] + v[2], v[1] + v[3], v[0] - v[2], v[1] - v[3]}};
}

inline Vec load_ints(const int32_t* p) {
  RawInt v;
  __builtin_memcpy(&v, p, sizeof v);
  return {__builtin_convertvector(v, Raw)};
}

constexpr int kInt8TileRows = 4;
constexpr int kIntVecs = 1;
constexpr int kIntColumns = 4;
// Four columns' weights of one step, sums of four columns, a row's elements of one step.
struct IntWeights {
  RawInt of_k[kInt8Step];
};
using IntSum = RawInt;
struct Activation {
  int32_t of_k[kInt8Step];
};
inline IntSum no_sum() {
  return RawInt{};
}
inline IntWeights load_weights(const int8_t* p) {
  IntWeights w;
  for (int k = 0; k < kInt8Step; ++k) w.of_k[k] = RawInt{p[k], p[k + 4], p[k + 8], p[k + 12]};
  return w;
}
inline Activation broadcast(const int16_t* p) {
  return {{p[0], p[1], p[2], p[3]}};
}
inline void add_products(IntSum& sum, const Activation& a, const IntWeights& w) {
  sum += (w.of_k[0] * a.of_k[0] + w.of_k[1] * a.of_k[1]) + (w.of_k[2] * a.of_k[2] + w.of_k[3] * a.of_k[3]);
}
inline void store_sum(int32_t* p, IntSum sum) {
  __builtin_memcpy(p, &sum, sizeof sum);
}
// Hides what weights are from the optimiser.
inline void keep(IntWeights& weights) {
  asm volatile("" : "+m"(weights));
}
// kLanes values rounded to the nearest integer.
inline void store_int16(int16_t* p, Vec x) {
  const Vec rounded = round_nearest(x);
  for (int i = 0; i < Vec::kLanes; ++i) p[i] = static_cast<int16_t>(rounded.v[i]);
}

// Int4Kernels::unpack.
inline void unpack_int4(const std::byte* blocks, int64_t n_blocks, int8_t* out) {
  constexpr int kHalf = kInt8Columns / 2 * kInt8Step;  // bytes of a step
  const Int4Values* const table = int4_values();
  for (; n_blocks > 0; --n_blocks, blocks += kInt4BlockBytes) {
    const std::byte* packed = blocks + kInt8Columns;
    for (int k = 0; k < kInt4Group; k += kInt8Step, packed += kHalf, out += 2 * kHalf) {
      for (int i = 0; i < 2 * kHalf; ++i) {
        const int byte = static_cast<int>(packed[i % kHalf]);
        out[i] = table[static_cast<int>(blocks[i / kInt8Step])].of_number[i < kHalf ? byte & 15 : byte >> 4];
      }
    }
  }
}

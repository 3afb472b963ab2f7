// The rotation of every path, written once over Vec. Included by kernels_inl.h; what is said there holds here.
//
// A Walsh-Hadamard transform adds and subtracts pairs of channels, stage by stage from the nearest pairs to the
// farthest, on every path in this order, so that every path rounds alike. As many stages share a pass over memory as
// there are registers for.

// Stages of distance d, 2d, 4d ... of channels that lie in as many registers.
template <int kVecs>
inline void butterflies(Vec* x) {
#pragma GCC unroll 8
  for (int d = 1; d < kVecs; d *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < kVecs; ++i) {
      if ((i & d) != 0) continue;
      const Vec low = x[i];
      const Vec high = x[i + d];
      x[i] = low + high;
      x[i + d] = low - high;
    }
  }
}

// Vectors that a pass holds in registers: half of what the path has.
constexpr int kHeldVecs = kLanes == 16 ? 16 : 8;

// The stages within kVecs vectors, of channels with their signs and a factor. first_channel: a multiple of n.
template <int kVecs>
inline void near_stages(const float* x, int64_t first_channel, int64_t n, float scale, float* out) {
  static_assert(kSigns % (kVecs * kLanes) == 0);
  const float* const all_signs = rotation_signs().data();
  const Vec factor = set1(scale);
  for (int64_t i = 0; i < n; i += kVecs * kLanes) {
    const float* const signs = all_signs + (first_channel + i) % kSigns;
    // A core alone does not ask far enough ahead for rows that come from L3 or memory. So far is a long row's next:
    // into L2, since L1 has no room for it beside this one.
    constexpr int64_t kAhead = 4096;
    constexpr int64_t kLine = 16;
    constexpr int kIntoL2 = 2;
#pragma GCC unroll 16
    for (int64_t j = 0; j < kVecs * kLanes; j += kLine) __builtin_prefetch(x + i + kAhead + j, 0, kIntoL2);
    Vec v[kVecs];
#pragma GCC unroll 16
    for (int j = 0; j < kVecs; ++j) {
      const int64_t channel = j * kLanes;
      v[j] = butterfly<2>(butterfly<1>(load(x + i + channel) * (load(signs + channel) * factor)));
      if constexpr (kLanes > 4) v[j] = butterfly<4>(v[j]);
      if constexpr (kLanes > 8) v[j] = butterfly<8>(v[j]);
    }
    butterflies<kVecs>(v);
#pragma GCC unroll 16
    for (int j = 0; j < kVecs; ++j) store(out + i + j * kLanes, v[j]);
  }
}

// The next log2(kVecs) stages, from distance on.
template <int kVecs>
inline void far_stages(float* x, int64_t n, int64_t distance) {
  for (int64_t i = 0; i < n; i += kVecs * distance) {
    for (int64_t j = i; j < i + distance; j += kLanes) {
      Vec v[kVecs];
#pragma GCC unroll 16
      for (int c = 0; c < kVecs; ++c) v[c] = load(x + j + c * distance);
      butterflies<kVecs>(v);
#pragma GCC unroll 16
      for (int c = 0; c < kVecs; ++c) store(x + j + c * distance, v[c]);
    }
  }
}

// The far stages up to n, in passes of kVecs vectors, then of fewer.
template <int kVecs>
inline void far_passes(float* x, int64_t n, int64_t distance) {
  for (; distance * kVecs <= n; distance *= kVecs) far_stages<kVecs>(x, n, distance);
  if constexpr (kVecs > 2) far_passes<kVecs / 2>(x, n, distance);
}

// n: a power of two, at least kLeastRotation; factor its inverse square root. first_channel: a multiple of n.
template <int kVecs = kHeldVecs>
inline void rotate_block(const float* x, int64_t first_channel, int64_t n, float factor, float* out) {
  constexpr int64_t kNear = int64_t{kVecs} * kLanes;
  if constexpr (kNear > kLeastRotation) {
    if (kNear > n) return rotate_block<kVecs / 2>(x, first_channel, n, factor, out);
  }
  near_stages<kVecs>(x, first_channel, n, factor, out);
  far_passes<kHeldVecs>(out, n, kNear);
}

inline float inverse_root(int64_t n) {
  return 1.0F / square_root(static_cast<float>(n));
}

// Any power of two, for what is left of a row.
inline void rotate_rest(const float* x, int64_t first_channel, int64_t n, float* out) {
  const float factor = inverse_root(n);
  for (int64_t i = 0; i < n; ++i) {
    out[i] = x[i] * (rotation_signs()[static_cast<size_t>((first_channel + i) % kSigns)] * factor);
  }
  for (int64_t distance = 1; distance < n; distance *= 2) {
    for (int64_t i = 0; i < n; i += 2 * distance) {
      for (int64_t j = i; j < i + distance; ++j) {
        const float low = out[j];
        const float high = out[j + distance];
        out[j] = low + high;
        out[j + distance] = low - high;
      }
    }
  }
}

// A Hartley transform across kBlocks blocks of n, channel by channel, after the last log2(kFar) stages of each. Results
// b and kBlocks - b share sums of cosines with what blocks j and kBlocks - j have in common, and differ by the sign of
// those of sines with what they differ by: less than half the products of the matrix.
template <int kBlocks, int kFar = 1>
inline void mix_blocks(float* x, int64_t n) {
  constexpr int kPairs = kBlocks / 2;
  const float* const wave = hartley(kBlocks).data();
  Vec cosine[kBlocks], sine[kBlocks];
  for (int j = 0; j < kBlocks; ++j) {
    const float there = wave[j], back = wave[(kBlocks - j) % kBlocks];
    cosine[j] = set1(0.5F * (there + back));
    sine[j] = set1(0.5F * (there - back));
  }
  const int64_t distance = n / kFar;
  for (int64_t i = 0; i < distance; i += kLanes) {
    Vec in[kBlocks][kFar];
#pragma GCC unroll 16
    for (int j = 0; j < kBlocks; ++j) {
#pragma GCC unroll 4
      for (int c = 0; c < kFar; ++c) in[j][c] = load(x + j * n + c * distance + i);
      butterflies<kFar>(in[j]);
    }
#pragma GCC unroll 4
    for (int c = 0; c < kFar; ++c) {
      float* const out = x + c * distance + i;
      Vec common[kPairs], difference[kPairs];
      Vec total = in[0][c];
#pragma GCC unroll 8
      for (int j = 0; j < kPairs; ++j) {
        const Vec there = in[j + 1][c], back = in[kBlocks - 1 - j][c];
        common[j] = there + back;
        difference[j] = there - back;
        total = total + common[j];
      }
      store(out, total * cosine[0]);
      const Vec first = in[0][c] * cosine[0];
#pragma GCC unroll 8
      for (int b = 1; b <= kPairs; ++b) {
        Vec even = fma(common[0], cosine[b], first);
        Vec odd = difference[0] * sine[b];
#pragma GCC unroll 8
        for (int j = 1; j < kPairs; ++j) {
          even = fma(common[j], cosine[b * (j + 1) % kBlocks], even);
          odd = fma(difference[j], sine[b * (j + 1) % kBlocks], odd);
        }
        store(out + b * n, even + odd);
        store(out + (kBlocks - b) * n, even - odd);
      }
    }
  }
}

// A row of three blocks whose stages end a factor of kFar behind what registers hold: the last ones share a pass with
// the mixing of the blocks. The channels of a feed-forward layer of BERT, 3 * 512 and 3 * 1024, on the widest path.
template <int kFar>
inline void rotate_thirds(const float* x, int64_t power, float factor, float* out) {
  for (int64_t i = 0; i < 3 * power; i += power) near_stages<kHeldVecs>(x + i, i, power, factor, out + i);
  mix_blocks<3, kFar>(out, power);
}

void rotate(const float* x, int64_t k, float* out) {
  const int64_t power = k & -k;
  if (power >= kLeastRotation && k / power <= kMostHartley) {
    const float factor = inverse_root(power);
    constexpr int64_t kNear = int64_t{kHeldVecs} * kLanes;
    if (k / power == 3 && power == 2 * kNear) return rotate_thirds<2>(x, power, factor, out);
    if (k / power == 3 && power == 4 * kNear) return rotate_thirds<4>(x, power, factor, out);
    for (int64_t i = 0; i < k; i += power) rotate_block(x + i, i, power, factor, out + i);
    switch (k / power) {
      case 3: return mix_blocks<3>(out, power);
      case 5: return mix_blocks<5>(out, power);
      case 7: return mix_blocks<7>(out, power);
      case 9: return mix_blocks<9>(out, power);
      case 11: return mix_blocks<11>(out, power);
      case 13: return mix_blocks<13>(out, power);
      case 15: return mix_blocks<15>(out, power);
      default: return;
    }
  }
  const float factor = inverse_root(kOtherRotation);
  int64_t i = 0;
  for (; i + kOtherRotation <= k; i += kOtherRotation) rotate_block(x + i, i, kOtherRotation, factor, out + i);
  for (int64_t n = kOtherRotation / 2; n >= 1; n /= 2) {
    if (i + n > k) continue;
    rotate_rest(x + i, i, n, out + i);
    i += n;
  }
}

// Weights rounded to 4 bits on every path, written once over Vec, a column a lane, so that every path rounds alike.
// Included by kernels_inl.h; what is said there holds here. simd_*.h bring unpack_int4.

// Steps that are tried around the one that just covers a group, and offsets around the one that centres it: more gain
// less than a fiftieth of the squared error.
constexpr int kStepsTried = 3;
constexpr int kOffsetsTried = 5;

// Of a Vec of columns of a block, one code each.
struct Int4Choice {
  Vec step;
  Vec base;  // number = (4 * x + base) / step; kept divided by the step
  Vec code;
};

inline Vec clamp(Vec x, Vec low, Vec high) {
  return min(max(x, low), high);
}

// The number that stands for x.
inline Vec int4_number(Vec x, Vec slope, Vec base) {
  return clamp(round_nearest(x * slope + base), set1(0.0F), set1(15.0F));
}

// What the table says of codes that were computed as floats.
inline void look_up(Vec codes, Vec* step, Vec* offset) {
  float code[kLanes], steps[kLanes], offsets[kLanes];
  store(code, codes);
  const Int4Code* const table = int4_codes();
  for (int i = 0; i < kLanes; ++i) {
    const Int4Code& entry = table[static_cast<int>(code[i])];
    steps[i] = static_cast<float>(entry.step);
    offsets[i] = static_cast<float>(entry.offset);
  }
  *step = load(steps);
  *offset = load(offsets);
}

// The code with the least squared error of those tried, for kLanes columns of x [kInt4Group] (row stride kInt8Columns).
inline Int4Choice choose_code(const float* x) {
  const Vec zero = set1(0.0F), one = set1(1.0F);
  Vec low = load(x), high = low;
  for (int i = 1; i < kInt4Group; ++i) {
    low = min(low, load(x + i * kInt8Columns));
    high = max(high, load(x + i * kInt8Columns));
  }
  // The smallest of the steps that covers the group, fifteen of them, where the offsets reach: to 9.4 steps below zero
  // and 10.1 above. Steps fall.
  const Vec needed =
      max(max((high - low) * set1(4.0F / 15.0F), high * set1(4.0F / 10.1F)), (zero - low) * set1(4.0F / 9.4F));
  Vec covering = zero;
  for (int s = 1; s < 16; ++s) {
    covering = covering + select_greater(needed, set1(static_cast<float>(kInt4Steps[s])), zero, one);
  }
  Int4Choice best = {one, zero, zero};
  Vec least = set1(3.0e38F);
  for (int s = 0; s < kStepsTried; ++s) {
    const Vec index = clamp(covering + set1(static_cast<float>(s - kStepsTried / 2)), zero, set1(15.0F));
    Vec step, offset;
    look_up(index, &step, &offset);
    // int4_codes.h: the middle of the numbers lies 0.5 + 0.3 (j - 8) steps from zero.
    const Vec middle = (high + low) * set1(2.0F) / step;
    const Vec centred = round_nearest((middle - set1(0.5F)) * set1(1.0F / 0.3F) + set1(8.0F));
    for (int o = 0; o < kOffsetsTried; ++o) {
      const Vec j = clamp(centred + set1(static_cast<float>(o - kOffsetsTried / 2)), zero, set1(15.0F));
      const Vec code = j * set1(16.0F) + index;
      look_up(code, &step, &offset);
      const Vec inverse = one / step;
      const Vec slope = inverse * set1(4.0F);
      // The shift by two drops 1.5 quarters on average.
      const Vec base = (set1(1.5F) - offset * set1(static_cast<float>(kInt4Unit))) * inverse;
      Vec error = zero;
      for (int i = 0; i < kInt4Group; ++i) {
        const Vec y = load(x + i * kInt8Columns) * slope + base;
        const Vec off = y - clamp(round_nearest(y), zero, set1(15.0F));
        error = error + off * off;
      }
      error = error * (step * step);
      best.step = select_greater(least, error, step, best.step);
      best.base = select_greater(least, error, base, best.base);
      best.code = select_greater(least, error, code, best.code);
      least = min(least, error);
    }
  }
  return best;
}

void round_int4_block(const float* x, std::byte* block) {
  int16_t numbers[kInt4Group][kInt8Columns];
  int16_t codes[kInt8Columns];
  for (int column = 0; column < kInt8Columns; column += kLanes) {
    const Int4Choice choice = choose_code(x + column);
    store_int16(codes + column, choice.code);
    const Vec slope = set1(1.0F) / choice.step * set1(4.0F);
    for (int i = 0; i < kInt4Group; ++i) {
      store_int16(numbers[i] + column, int4_number(load(x + i * kInt8Columns + column), slope, choice.base));
    }
  }
  for (int column = 0; column < kInt8Columns; ++column) block[column] = static_cast<std::byte>(codes[column]);
  std::byte* out = block + kInt8Columns;
  constexpr int kHalf = kInt8Columns / 2;
  for (int k0 = 0; k0 < kInt4Group; k0 += kInt8Step) {
    for (int column = 0; column < kHalf; ++column) {
      for (int k = k0; k < k0 + kInt8Step; ++k) {
        *out++ = static_cast<std::byte>(numbers[k][column] | (numbers[k][column + kHalf] << 4));
      }
    }
  }
}

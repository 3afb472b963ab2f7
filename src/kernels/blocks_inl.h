// ggml's blocked types unpacked, 32 elements at a time, by the formulas of its dequantize_row functions (ggml-quants.c)
// and with their order of operations, so that every path gives the same bits. Plain loops that the compiler vectorises.
// Included by kernels_inl.h, inside each path's namespace.

inline float half_at(const std::byte* p) {
  _Float16 half;
  __builtin_memcpy(&half, p, sizeof half);
  return static_cast<float>(half);
}

inline int bits_at(const std::byte* p) {
  return static_cast<int>(*p);
}

// Six-bit scale and minimum of group j (0 to 7) of a Q4_K or Q5_K block, from its 12 packed bytes.
struct ScaleAndMin {
  float scale;
  float min;
};
inline ScaleAndMin scale_and_min(const std::byte* packed, int64_t j) {
  if (j < 4) return {static_cast<float>(bits_at(packed + j) & 63), static_cast<float>(bits_at(packed + j + 4) & 63)};
  const int low = bits_at(packed + j + 4);
  return {static_cast<float>((low & 15) | ((bits_at(packed + j - 4) >> 6) << 4)),
          static_cast<float>((low >> 4) | ((bits_at(packed + j) >> 6) << 4))};
}

inline void decode_q8_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  int8_t q[kGroup];
  __builtin_memcpy(q, block + 2, sizeof q);
  for (int i = 0; i < kGroup; ++i) out[i] = static_cast<float>(q[i]) * d;
}

inline void decode_q4_0(const std::byte* block, float* out) {
  const float d = half_at(block);
  for (int i = 0; i < kGroup / 2; ++i) {
    const int q = bits_at(block + 2 + i);
    out[i] = static_cast<float>((q & 15) - 8) * d;
    out[i + kGroup / 2] = static_cast<float>((q >> 4) - 8) * d;
  }
}

inline void decode_q4_1(const std::byte* block, float* out) {
  const float d = half_at(block);
  const float m = half_at(block + 2);
  for (int i = 0; i < kGroup / 2; ++i) {
    const int q = bits_at(block + 4 + i);
    out[i] = static_cast<float>(q & 15) * d + m;
    out[i + kGroup / 2] = static_cast<float>(q >> 4) * d + m;
  }
}

// d, dmin, 12 bytes of scales, 128 bytes of low and high halves, 32 elements each.
inline void decode_q4_k(const std::byte* block, int64_t group, float* out) {
  const ScaleAndMin s = scale_and_min(block + 4, group);
  const float d = half_at(block) * s.scale;
  const float m = half_at(block + 2) * s.min;
  const std::byte* q = block + 16 + group / 2 * kGroup;
  const int shift = group % 2 == 0 ? 0 : 4;
  for (int i = 0; i < kGroup; ++i) out[i] = d * static_cast<float>((bits_at(q + i) >> shift) & 15) - m;
}

// The same with 32 bytes of fifth bits, one bit a group, in front of the halves.
inline void decode_q5_k(const std::byte* block, int64_t group, float* out) {
  const ScaleAndMin s = scale_and_min(block + 4, group);
  const float d = half_at(block) * s.scale;
  const float m = half_at(block + 2) * s.min;
  const std::byte* high = block + 16;
  const std::byte* q = block + 48 + group / 2 * kGroup;
  const int shift = group % 2 == 0 ? 0 : 4;
  const auto bit = static_cast<int>(group);
  for (int i = 0; i < kGroup; ++i) {
    const int value = ((bits_at(q + i) >> shift) & 15) | (((bits_at(high + i) >> bit) & 1) << 4);
    out[i] = d * static_cast<float>(value) - m;
  }
}

// 128 bytes of low halves, 64 of upper pairs of bits, 16 scales of 16 elements, d.
inline void decode_q6_k(const std::byte* block, int64_t group, float* out) {
  const int64_t half = group / 4;
  const int64_t quarter = group % 4;
  const std::byte* low = block + half * 64 + quarter % 2 * kGroup;
  const std::byte* high = block + 128 + half * kGroup;
  const int low_shift = quarter < 2 ? 0 : 4;
  const int high_shift = static_cast<int>(2 * quarter);
  const float d = half_at(block + 208);
  for (int part = 0; part < 2; ++part) {
    int8_t scale = 0;
    __builtin_memcpy(&scale, block + 192 + half * 8 + quarter * 2 + part, 1);
    const float factor = d * static_cast<float>(scale);
    for (int i = part * 16; i < part * 16 + 16; ++i) {
      const int q = ((bits_at(low + i) >> low_shift) & 15) | (((bits_at(high + i) >> high_shift) & 3) << 4);
      out[i] = factor * static_cast<float>(q - 32);
    }
  }
}

// Elements [group * kGroup, (group + 1) * kGroup) of a row.
inline void decode_group(const std::byte* row, DType dtype, int64_t group, float* out) {
  constexpr int64_t kInSuperBlock = 256 / kGroup;
  const int64_t bytes = layout(dtype).bytes;
  switch (dtype) {
    case DType::q8_0: return decode_q8_0(row + group * bytes, out);
    case DType::q4_0: return decode_q4_0(row + group * bytes, out);
    case DType::q4_1: return decode_q4_1(row + group * bytes, out);
    case DType::q4_k: return decode_q4_k(row + group / kInSuperBlock * bytes, group % kInSuperBlock, out);
    case DType::q5_k: return decode_q5_k(row + group / kInSuperBlock * bytes, group % kInSuperBlock, out);
    case DType::q6_k: return decode_q6_k(row + group / kInSuperBlock * bytes, group % kInSuperBlock, out);
    case DType::f32:
    case DType::f16:
    case DType::bf16: break;
  }
}

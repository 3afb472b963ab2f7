// The products of a vnni path on a machine without an operating system, as an emulator gives it (run): against sums
// written out, against the path that it widens and the portable one. Compiled with -DBASE_PATH=, -DPRODUCTS= and
// -DXCR0=. Prints to the first serial port and asks the emulator to stop.
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/cpu.h"
#include "kernels/packed_matrix.h"
#include "kernels/products.h"

extern "C" {

uint32_t wanted_xcr0 = XCR0;

void* memcpy(void* to, const void* from, size_t n) {
  auto* const out = static_cast<volatile char*>(to);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<const char*>(from)[i];
  return to;
}
void* memset(void* to, int value, size_t n) {
  auto* const out = static_cast<volatile char*>(to);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<char>(value);
  return to;
}
int memcmp(const void* a, const void* b, size_t n) {
  const auto* const x = static_cast<const unsigned char*>(a);
  const auto* const y = static_cast<const unsigned char*>(b);
  for (size_t i = 0; i < n; ++i) {
    if (x[i] != y[i]) return x[i] - y[i];
  }
  return 0;
}
float sqrtf(float x) {
  asm("sqrtss %0, %0" : "+x"(x));
  return x;
}
double sqrt(double x) {
  asm("sqrtsd %0, %0" : "+x"(x));
  return x;
}

}  // extern "C"

namespace lode::kernels {

// Of rotate(), which is not called here.
std::span<const float> rotation_signs() {
  __builtin_trap();
}
std::span<const float> hartley(int64_t) {
  __builtin_trap();
}

namespace {

constexpr uint16_t kSerial = 0x3F8;
constexpr uint16_t kBochsPower = 0x8900;
constexpr int kMostRows = 16;
constexpr int kInputBytes = 64 + 2 * kInt8MostGroup + 64;
constexpr int kBlocks = 16;

void write_port(uint16_t port, char value) {
  asm volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
uint8_t read_port(uint16_t port) {
  uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}
void print(const char* text) {
  for (; *text != '\0'; ++text) {
    while ((read_port(kSerial + 5) & 0x20) == 0) {
    }
    write_port(kSerial, *text);
  }
  while ((read_port(kSerial + 5) & 0x40) == 0) {
  }
}
void print_number(int64_t x) {
  char text[24] = {};
  int at = sizeof text - 1;
  do {
    text[--at] = static_cast<char>('0' + x % 10);
    x /= 10;
  } while (x != 0);
  print(text + at);
}

// Eight bits at 115,200 baud.
void start_serial() {
  constexpr char kDivisor = static_cast<char>(0x80);
  write_port(kSerial + 3, kDivisor);
  write_port(kSerial, 1);
  write_port(kSerial + 1, 0);
  write_port(kSerial + 3, 3);
}

uint32_t random_bits() {
  static uint32_t state = 12345;
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

alignas(64) float rows[kMostRows][kInt8MostGroup];
alignas(64) int16_t rounded[kMostRows][kInt8MostGroup];
alignas(64) std::byte inputs[kMostRows][kInputBytes];
alignas(64) std::byte base_inputs[kMostRows][kInputBytes];
alignas(64) int8_t panel[2][kInt8MostGroup * kInt8Columns];
alignas(64) float ones[kMostRows + kInt8Columns];
alignas(64) float before[kInt8Columns];
alignas(64) float sums[2][kMostRows * kInt8Columns];
alignas(64) float base_sums[kMostRows * kInt8Columns];
alignas(64) std::byte blocks[2][kBlocks * kInt4BlockBytes];
alignas(64) int8_t unpacked[2][kBlocks * kInt4Group * kInt8Columns];
alignas(64) float elements[kInt4Group * kInt8Columns];

int64_t n_checks = 0;
int64_t n_wrong = 0;

void check(bool right) {
  ++n_checks;
  if (!right) ++n_wrong;
}

// What is added to sums: a column's number, and what `out` held.
constexpr float kHeld = 3;
void hold(float* out, int n) {
  for (int i = 0; i < n; ++i) out[i] = kHeld;
}

// Sums of n rows and a panel or two, with scales of one: exact, then rounded once to f32, then the column's number
// added.
Int8Tile unscaled(int n, int n_panels, const std::byte* first_row, int depth) {
  for (float& one : ones) one = 1;
  for (int column = 0; column < kInt8Columns; ++column) before[column] = static_cast<float>(column);
  Int8Tile work;
  work.n_rows = n;
  work.n_panels = n_panels;
  work.rows = first_row;
  work.row_bytes = kInputBytes;
  work.row_scales = ones;
  work.depth = depth;
  for (int i = 0; i < n_panels; ++i) {
    work.panels[i] = panel[i];
    work.column_scales[i] = ones;
    work.before[i] = before;
    work.out[i] = sums[i];
    work.out_stride[i] = kInt8Columns;
  }
  return work;
}

void check_product(const Kernels& base, const VnniProducts& vnni, int round) {
  constexpr int kDepths[] = {4, 8, 12, 32, 36, 128, 384, 1000, kInt8MostGroup};
  const int depth = kDepths[round % 9];
  const int k = depth - round % 4;
  const int n = 1 + round * 5 % vnni.tile_rows;
  for (int r = 0; r < n; ++r) {
    for (int i = 0; i < k; ++i) {
      const auto x = static_cast<int32_t>(random_bits());
      rows[r][i] = static_cast<float>(x % 100000) * 0.01F;
      if (round % 5 == 0) rows[r][i] = (x & 1) != 0 ? 1.0F : -1.0F;  // the largest values, 127 and -127
      if (round % 7 == 0) rows[r][i] = 1.0F;
    }
    const float scale = vnni.round_input(rows[r], k, depth, inputs[r]);
    const float expected = portable_kernels()->int8.round_row(rows[r], k, rounded[r]);
    for (int i = k; i < depth; ++i) rounded[r][i] = 0;
    base.int8.round_input(rows[r], k, depth, base_inputs[r]);
    check(memcmp(&scale, &expected, sizeof scale) == 0);
  }
  for (int8_t(&one)[kInt8MostGroup * kInt8Columns] : panel) {
    for (int i = 0; i < depth * kInt8Columns; ++i) {
      one[i] = static_cast<int8_t>(random_bits());
      if (round % 3 == 0) one[i] = static_cast<int8_t>(round % 2 == 0 ? 127 : -128);
    }
  }
  const int base_rows = n < base.int8.tile_rows ? n : base.int8.tile_rows;
  const int n_panels = 1 + round % vnni.tile_panels;
  for (float(&one)[kMostRows * kInt8Columns] : sums) hold(one, kMostRows * kInt8Columns);
  hold(base_sums, kMostRows * kInt8Columns);
  Int8Tile work = unscaled(n, n_panels, inputs[0], depth);
  work.accumulate = round % 2 != 0;
  vnni.tile(work);
  Int8Tile base_work = unscaled(base_rows, 1, base_inputs[0], depth);
  base_work.out[0] = base_sums;
  base_work.accumulate = work.accumulate;
  base.int8.tile(base_work);
  for (int r = 0; r < n; ++r) {
    for (int column = 0; column < kInt8Columns; ++column) {
      for (int p = 0; p < n_panels; ++p) {
        int64_t sum = 0;
        for (int i = 0; i < depth; ++i) {
          sum += rounded[r][i] * panel[p][(i / kInt8Step * kInt8Columns + column) * kInt8Step + i % kInt8Step];
        }
        const auto expected = static_cast<float>(column) + static_cast<float>(sum) + (work.accumulate ? kHeld : 0);
        check(sums[p][r * kInt8Columns + column] == expected);
        if (p == 0 && r < base_rows) check(base_sums[r * kInt8Columns + column] == expected);
      }
    }
  }
}

// Weights of attention: as the portable path's, but for a step where an exponential lies between two; then their
// products with a panel, exact.
void check_weights(const VnniProducts& vnni, int round) {
  const int n = kInt8WeightStep * (1 + round % 4) - round % 3, seen = round % 5 == 0 ? n / 2 : n;
  const int depth = (n + kInt8Step - 1) / kInt8Step * kInt8Step;
  const int n_rows = 1 + round * 5 % vnni.tile_rows;
  for (int r = 0; r < n_rows; ++r) {
    float* const scores = rows[r];
    float* const factors = rows[r] + kInt8MostGroup / 2;
    float largest = -1000;
    for (int i = 0; i < kInt8MostGroup / 2; ++i) {
      scores[i] = static_cast<float>(random_bits() % 8000) * 0.001F;
      factors[i] = static_cast<float>(1 + random_bits() % 3);
      if (i < seen && scores[i] > largest) largest = scores[i];
    }
    float left_out, expected_left_out;
    const float sum = vnni.weights(scores, factors, seen, n, largest, inputs[r], &left_out);
    auto* const expected = reinterpret_cast<std::byte*>(rounded[r]);
    const float expected_sum =
        portable_kernels()->int8.weights(scores, factors, seen, n, largest, expected, &expected_left_out);
    check(sum > 0.999F * expected_sum && sum < 1.001F * expected_sum);
    int rounded_away = 0;
    for (int i = 0; i < n; ++i) rounded_away += static_cast<int>(inputs[r][vnni.head_bytes + i]) - rounded[r][i];
    const float between = left_out + static_cast<float>(rounded_away) - expected_left_out;
    check(between > -0.001F * expected_sum && between < 0.001F * expected_sum);
    for (int i = 0; i < depth; ++i) {
      const int weight = static_cast<int>(inputs[r][vnni.head_bytes + i]), away = weight - rounded[r][i];
      check(away >= -1 && away <= 1 && (i < seen || weight == 0));
      rounded[r][i] = static_cast<int16_t>(weight);
    }
  }
  const int n_panels = 1 + round % vnni.tile_panels;
  Int8Tile work = unscaled(n_rows, n_panels, inputs[0], depth);
  work.rows_are_weights = true;
  vnni.tile(work);
  for (int r = 0; r < n_rows; ++r) {
    for (int column = 0; column < kInt8Columns; ++column) {
      for (int p = 0; p < n_panels; ++p) {
        int64_t sum = 0;
        for (int i = 0; i < depth; ++i) {
          sum += rounded[r][i] * panel[p][(i / kInt8Step * kInt8Columns + column) * kInt8Step + i % kInt8Step];
        }
        check(sums[p][r * kInt8Columns + column] == static_cast<float>(column) + static_cast<float>(sum));
      }
    }
  }
}

// Of the base path: every code unpacked, and blocks rounded.
void check_int4(const Kernels& base) {
  const Kernels& portable = *portable_kernels();
  for (int b = 0; b < kBlocks; ++b) {
    std::byte* const block = blocks[0] + b * kInt4BlockBytes;
    for (int i = 0; i < kInt4BlockBytes; ++i) {
      block[i] = static_cast<std::byte>(i < kInt8Columns ? b * kInt8Columns + i : static_cast<int>(random_bits()));
    }
  }
  base.int4.unpack(blocks[0], kBlocks, unpacked[0]);
  portable.int4.unpack(blocks[0], kBlocks, unpacked[1]);
  check(memcmp(unpacked[0], unpacked[1], sizeof unpacked[0]) == 0);
  for (int round = 1; round <= 8; ++round) {
    for (int i = 0; i < kInt4Group * kInt8Columns; ++i) {
      const auto x = static_cast<int32_t>(random_bits());
      elements[i] = static_cast<float>(x % 127000) * 0.001F / static_cast<float>(1 + round * (i % kInt8Columns));
    }
    base.int4.round_block(elements, blocks[0]);
    portable.int4.round_block(elements, blocks[1]);
    check(memcmp(blocks[0], blocks[1], kInt4BlockBytes) == 0);
  }
}

}  // namespace
}  // namespace lode::kernels

extern "C" void emulated_main() {
  using namespace lode::kernels;
  constexpr int kRounds = 60;
  start_serial();
  for (int round = 0; round < kRounds; ++round) {
    check_product(*BASE_PATH(), *PRODUCTS(), round);
    check_weights(*PRODUCTS(), round);
  }
  check_int4(*BASE_PATH());
  print_number(n_checks);
  print(" checks, ");
  print_number(n_wrong);
  print(" wrong\n");
  print(n_wrong == 0 ? "ok\n" : "failed\n");
  for (const char* p = "Shutdown"; *p != '\0'; ++p) write_port(kBochsPower, *p);
}

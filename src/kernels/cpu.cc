#include "kernels/cpu.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <numbers>
#include <random>
#include <string>
#include <vector>

#include "kernels/products.h"

namespace lode::kernels {
namespace {

bool cpu_has(Isa isa) {
  switch (isa) {
    case Isa::portable: return true;
    case Isa::avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    case Isa::avx2_vnni: return cpu_has(Isa::avx2) && __builtin_cpu_supports("avxvnni");
    case Isa::avx512_vnni: return cpu_has(Isa::avx512) && __builtin_cpu_supports("avx512vnni");
    case Isa::avx512_bf16: return cpu_has(Isa::avx512_vnni) && __builtin_cpu_supports("avx512bf16");
    case Isa::avx512:
      return cpu_has(Isa::avx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
  return false;
}

// The path that a vnni one widens, with products of its own.
Kernels widened(const Kernels& base, Isa isa, const VnniProducts& products) {
  Kernels table = base;
  table.isa = isa;
  table.int8.native = true;
  table.int8.tile_rows = products.tile_rows;
  table.int8.tile_panels = products.tile_panels;
  table.int8.element_bytes = 1;
  table.int8.head_bytes = products.head_bytes;
  table.int8.round_input = products.round_input;
  table.int8.weights = products.weights;
  table.int8.tile = products.tile;
  table.int8.peak = products.peak;
  return table;
}

}  // namespace

const Kernels* avx2_vnni_kernels() {
  static const Kernels table = widened(*avx2_kernels(), Isa::avx2_vnni, *avx2_vnni_products());
  return &table;
}

const Kernels* avx512_vnni_kernels() {
  static const Kernels table = [] {
    Kernels widest = widened(*avx512_kernels(), Isa::avx512_vnni, *avx512_vnni_products());
    if (__builtin_cpu_supports("avx512vbmi")) widest.int4.unpack = avx512_vbmi_unpack();
    return widest;
  }();
  return &table;
}

const Kernels* avx512_bf16_kernels() {
  static const Kernels table = [] {
    Kernels widest = *avx512_vnni_kernels();
    widest.isa = Isa::avx512_bf16;
    const Bf16Products& products = *avx512_bf16_products();
    widest.bf16.native = true;
    widest.bf16.tile_rows = products.tile_rows;
    widest.bf16.element_bytes = products.element_bytes;
    widest.bf16.round_row = products.round_row;
    widest.bf16.pack_panel = products.pack_panel;
    widest.bf16.pack_rows = products.pack_rows;
    widest.bf16.exponentials = products.exponentials;
    widest.bf16.tile = products.tile;
    widest.bf16.peak = products.peak;
    return widest;
  }();
  return &table;
}

std::string_view name(Isa isa) {
  switch (isa) {
    case Isa::portable: return "portable";
    case Isa::avx2: return "avx2";
    case Isa::avx2_vnni: return "avx2_vnni";
    case Isa::avx512: return "avx512";
    case Isa::avx512_vnni: return "avx512_vnni";
    case Isa::avx512_bf16: return "avx512_bf16";
  }
  return "?";
}

std::span<const Kernels* const> available() {
  static const std::vector<const Kernels*> tables = [] {
    std::vector<const Kernels*> found;
    for (const Kernels* table : {portable_kernels(), avx2_kernels(), avx2_vnni_kernels(), avx512_kernels(),
                                 avx512_vnni_kernels(), avx512_bf16_kernels()}) {
      if (cpu_has(table->isa)) found.push_back(table);
    }
    return found;
  }();
  return tables;
}

std::span<const float> rotation_signs() {
  static const auto signs = [] {
    std::array<float, kSigns> out{};
    std::mt19937 random(1);  // the standard says what it gives
    for (float& sign : out) sign = (random() & 1U) != 0 ? 1.0F : -1.0F;
    return out;
  }();
  return signs;
}

std::span<const float> hartley(int64_t m) {
  static const auto waves = [] {
    std::array<std::vector<float>, kMostHartley + 1> out;
    for (size_t n = 1; n < out.size(); n += 2) {
      const auto size = static_cast<double>(n);
      for (size_t i = 0; i < n; ++i) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(i) / size;
        out[n].push_back(static_cast<float>((std::cos(angle) + std::sin(angle)) / std::sqrt(size)));
      }
    }
    return out;
  }();
  return waves.at(static_cast<size_t>(m));
}

Result<const Kernels*> select() {
  const char* forced = std::getenv("LODE_ISA");
  if (forced == nullptr || *forced == '\0') return available().back();
  std::string wanted = forced;
  if (wanted == "scalar") wanted = "portable";
  std::string names;
  for (const Kernels* table : available()) {
    if (name(table->isa) == wanted) return table;
    names += (names.empty() ? "" : ", ") + std::string(name(table->isa));
  }
  return fail(Code::invalid_argument, "LODE_ISA is \"" + std::string(forced) + "\", but this CPU has " + names,
              "Set it to one of these or unset it.");
}

}  // namespace lode::kernels

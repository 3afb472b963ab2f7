// The values of a GGUF file and its tables of kinds and types.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/gguf.h"

namespace lode::gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "values are used as they lie in the file");

// ggml's types (ggml.h, enum ggml_type) with their block sizes; the gaps are types that were taken out again.
constexpr std::array kTypes = {
    TensorType{0, "F32", 1, 4},         TensorType{1, "F16", 1, 2},         TensorType{2, "Q4_0", 32, 18},
    TensorType{3, "Q4_1", 32, 20},      TensorType{6, "Q5_0", 32, 22},      TensorType{7, "Q5_1", 32, 24},
    TensorType{8, "Q8_0", 32, 34},      TensorType{9, "Q8_1", 32, 36},      TensorType{10, "Q2_K", 256, 84},
    TensorType{11, "Q3_K", 256, 110},   TensorType{12, "Q4_K", 256, 144},   TensorType{13, "Q5_K", 256, 176},
    TensorType{14, "Q6_K", 256, 210},   TensorType{15, "Q8_K", 256, 292},   TensorType{16, "IQ2_XXS", 256, 66},
    TensorType{17, "IQ2_XS", 256, 74},  TensorType{18, "IQ3_XXS", 256, 98}, TensorType{19, "IQ1_S", 256, 50},
    TensorType{20, "IQ4_NL", 32, 18},   TensorType{21, "IQ3_S", 256, 110},  TensorType{22, "IQ2_S", 256, 82},
    TensorType{23, "IQ4_XS", 256, 136}, TensorType{24, "I8", 1, 1},         TensorType{25, "I16", 1, 2},
    TensorType{26, "I32", 1, 4},        TensorType{27, "I64", 1, 8},        TensorType{28, "F64", 1, 8},
    TensorType{29, "IQ1_M", 256, 56},   TensorType{30, "BF16", 1, 2},       TensorType{34, "TQ1_0", 256, 54},
    TensorType{35, "TQ2_0", 256, 66},   TensorType{39, "MXFP4", 32, 17},
};

struct KindRow {
  std::string_view name;
  size_t bytes;  // 0: not of one size
};
constexpr std::array<KindRow, 13> kKinds = {{{"u8", 1},
                                             {"i8", 1},
                                             {"u16", 2},
                                             {"i16", 2},
                                             {"u32", 4},
                                             {"i32", 4},
                                             {"f32", 4},
                                             {"boolean", 1},
                                             {"string", 0},
                                             {"array", 0},
                                             {"u64", 8},
                                             {"i64", 8},
                                             {"f64", 8}}};

template <class T>
T value_at(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

std::optional<int64_t> int_at(Kind kind, const std::byte* p) {
  switch (kind) {
    case Kind::u8: return value_at<uint8_t>(p);
    case Kind::i8: return value_at<int8_t>(p);
    case Kind::u16: return value_at<uint16_t>(p);
    case Kind::i16: return value_at<int16_t>(p);
    case Kind::u32: return value_at<uint32_t>(p);
    case Kind::i32: return value_at<int32_t>(p);
    case Kind::i64: return value_at<int64_t>(p);
    case Kind::u64: {
      const auto value = value_at<uint64_t>(p);
      if (value > static_cast<uint64_t>(INT64_MAX)) return std::nullopt;
      return static_cast<int64_t>(value);
    }
    default: return std::nullopt;
  }
}

}  // namespace

size_t kind_bytes(Kind kind) {
  return kKinds[std::to_underlying(kind)].bytes;
}

std::string_view kind_name(Kind kind) {
  return kKinds[std::to_underlying(kind)].name;
}

std::string Value::kind_text() const {
  if (kind != Kind::array) return std::string(kind_name(kind));
  return fmt::format("array of {}", kind_name(element));
}

std::optional<int64_t> Value::as_int() const {
  return int_at(kind, bytes.data());
}

std::optional<double> Value::as_double() const {
  if (kind == Kind::f32) return static_cast<double>(value_at<float>(bytes.data()));
  if (kind == Kind::f64) return value_at<double>(bytes.data());
  if (const auto number = as_int()) return static_cast<double>(*number);
  return std::nullopt;
}

std::optional<bool> Value::as_bool() const {
  if (kind != Kind::boolean) return std::nullopt;
  return value_at<uint8_t>(bytes.data()) != 0;
}

std::optional<std::string_view> Value::as_string() const {
  if (kind != Kind::string) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<std::vector<std::string_view>> Value::as_strings() const {
  if (kind != Kind::array || element != Kind::string) return std::nullopt;
  std::vector<std::string_view> out;
  out.reserve(count);
  const std::byte* p = bytes.data();
  for (uint64_t i = 0; i < count; ++i) {
    const auto n = value_at<uint64_t>(p);
    out.emplace_back(reinterpret_cast<const char*>(p) + sizeof n, n);
    p += sizeof n + n;
  }
  return out;
}

std::optional<std::vector<int64_t>> Value::as_ints() const {
  if (kind != Kind::array || element == Kind::string) return std::nullopt;
  std::vector<int64_t> out;
  out.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const auto number = int_at(element, bytes.data() + i * kind_bytes(element));
    if (!number) return std::nullopt;
    out.push_back(*number);
  }
  return out;
}

std::optional<std::vector<float>> Value::as_floats() const {
  if (kind != Kind::array || element != Kind::f32) return std::nullopt;
  std::vector<float> out(count);
  if (count > 0) std::memcpy(out.data(), bytes.data(), count * sizeof(float));
  return out;
}

const TensorType* tensor_type(uint32_t id) {
  const auto row = std::ranges::find(kTypes, id, &TensorType::id);
  return row == kTypes.end() ? nullptr : &*row;
}

const TensorType* find_tensor_type(std::string_view name) {
  const auto row = std::ranges::find(kTypes, name, &TensorType::name);
  return row == kTypes.end() ? nullptr : &*row;
}

}  // namespace lode::gguf

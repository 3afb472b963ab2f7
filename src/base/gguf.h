// The head of one GGUF file, versions 2 and 3, little-endian: typed key-value pairs and where each tensor lies. The
// layout is that of ggml's docs/gguf.md, and as in ggml's own reader the tensors must tile the data in the order of
// their entries. Version 1, big-endian files, arrays of arrays and repeated names are refused; every count and length
// is checked against the bytes that are there before anything is allocated. Names and values are views into the bytes
// given to parse(), which must outlive them. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::gguf {

inline constexpr std::string_view kMagic = "GGUF";
inline constexpr uint32_t kVersion = 3;  // that is written
inline constexpr uint64_t kDefaultAlignment = 32;
// In front of the path of a model's file that a GGUF carries: "lode.file.1_Pooling/config.json". A key of our own.
inline constexpr std::string_view kCarriedFile = "lode.file.";
inline constexpr size_t kMaxDims = 4;
inline constexpr size_t kMaxNameBytes = 63;  // of a tensor, ggml's limit

enum class Kind : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};
std::string_view kind_name(Kind kind);
size_t kind_bytes(Kind kind);  // of one scalar; 0 of strings and arrays

// A value as it lies in the file. What it is not comes back empty.
struct Value {
  Kind kind{};
  Kind element{};      // of an array
  uint64_t count = 0;  // of an array
  std::span<const std::byte> bytes;

  [[nodiscard]] std::optional<int64_t> as_int() const;    // of every integer kind, where it fits
  [[nodiscard]] std::optional<double> as_double() const;  // of every number
  [[nodiscard]] std::optional<bool> as_bool() const;
  [[nodiscard]] std::optional<std::string_view> as_string() const;
  [[nodiscard]] std::optional<std::vector<std::string_view>> as_strings() const;
  [[nodiscard]] std::optional<std::vector<int64_t>> as_ints() const;
  [[nodiscard]] std::optional<std::vector<float>> as_floats() const;
  // "u32", "array of string": for messages.
  [[nodiscard]] std::string kind_text() const;
};

// A storage type of tensors: `block` elements in `bytes` bytes.
struct TensorType {
  uint32_t id;
  std::string_view name;  // "Q4_K"
  int64_t block;
  int64_t bytes;
};
// Null for an id or a name that is none.
const TensorType* tensor_type(uint32_t id);
const TensorType* find_tensor_type(std::string_view name);

struct TensorInfo {
  std::string_view name;
  const TensorType* type = nullptr;
  std::vector<int64_t> dims;  // the innermost first, 1 to kMaxDims; the product fits int64
  uint64_t offset = 0;        // from the start of the data
  uint64_t n_bytes = 0;
};

struct File {
  struct Pair {
    std::string_view key;
    Value value;
  };
  uint32_t version = 0;
  std::vector<Pair> pairs;  // in file order
  std::vector<TensorInfo> tensors;
  uint64_t alignment = kDefaultAlignment;
  uint64_t data_start = 0;          // of the file
  std::span<const std::byte> head;  // what lies in front of the data

  // Null when there is none. Linear in the number of pairs.
  [[nodiscard]] const Value* find(std::string_view key) const;
};

// Whether a model is one file by its name, and no folder.
bool is_gguf_file(const std::filesystem::path& path);

// `bytes`: the whole file. `file` names it in errors: Code::corrupt, or Code::unsupported for versions and types that
// are not read.
Result<File> parse(std::span<const std::byte> bytes, std::string_view file);

}  // namespace lode::gguf

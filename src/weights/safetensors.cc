#include "weights/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.h"

namespace lode::weights {

namespace {

static_assert(std::endian::native == std::endian::little, "tensors are used as they lie in the file");

constexpr uint64_t kLengthBytes = 8;
constexpr std::string_view kAgain = "The file is damaged or was cut off; download it again";

struct DTypeRow {
  std::string_view name;
  int bits;
};
constexpr DTypeRow kDTypes[] = {{"F32", 32},    {"F16", 16},    {"BF16", 16}, {"F64", 64},    {"I64", 64},
                                {"U64", 64},    {"C64", 64},    {"I32", 32},  {"U32", 32},    {"I16", 16},
                                {"U16", 16},    {"I8", 8},      {"U8", 8},    {"BOOL", 8},    {"F8_E4M3", 8},
                                {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F4", 4},    {"F6_E2M3", 6}, {"F6_E3M2", 6}};

std::unexpected<Error> corrupt(std::string message, std::string_view hint = kAgain) {
  return fail(Code::corrupt, std::move(message), std::string(hint));
}

std::unexpected<Error> bad_tensor(std::string_view file, std::string_view tensor, std::string_view problem) {
  return corrupt(fmt::format("{}: tensor {}: {}", file, shown(tensor), problem));
}

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// The two kinds of other bytes that people do put behind a .safetensors name.
Status check_not_another_format(std::span<const std::byte> bytes, std::string_view file) {
  if (starts_with(bytes, "GGUF")) {
    return fail(Code::unsupported, fmt::format("{} is a GGUF file, expected safetensors", file),
                "Use the model's Hugging Face folder with its .safetensors files");
  }
  if (starts_with(bytes, "version https://git-lfs")) {
    return corrupt(
        fmt::format("{} is a git-lfs pointer of {} bytes, expected the tensors themselves", file, bytes.size()),
        "Run `git lfs pull` in the model's folder");
  }
  return {};
}

// A list of exactly the numbers that a shape or an offset pair may hold.
Result<std::vector<int64_t>> whole_numbers(const json::Value& value, std::string_view field, std::string_view file,
                                           std::string_view tensor) {
  if (!value.is(json::Kind::array)) {
    return bad_tensor(file, tensor, fmt::format("{} is {}, expected a list of integers", field, value.text()));
  }
  std::vector<int64_t> out;
  for (const json::Value& item : value.items()) {
    const auto number = item.as_int();
    if (!number || *number < 0) {
      return bad_tensor(file, tensor, fmt::format("{} holds {}, expected integers from 0", field, item.text()));
    }
    out.push_back(*number);
  }
  return out;
}

Status parse_metadata(const json::Value& value, std::string_view file) {
  if (!value.is(json::Kind::object)) {
    return corrupt(fmt::format("{}: __metadata__ is {}, expected an object", file, value.text()));
  }
  for (const auto& [key, item] : value.members()) {
    if (!item.is(json::Kind::string)) {
      return corrupt(
          fmt::format("{}: __metadata__ {} is {}, expected a string", file, shown(key), json::kind_name(item.kind())));
    }
  }
  return {};
}

Status check_size(const HeaderEntry& entry, std::string_view file) {
  const auto overflow = [&] {
    return bad_tensor(file, entry.name,
                      fmt::format("shape {} has more elements than 63 bits can count", shape_text(entry.shape)));
  };
  int64_t n_elements = 1;
  for (const int64_t dim : entry.shape) {
    if (__builtin_mul_overflow(n_elements, dim, &n_elements)) return overflow();
  }
  const auto bits = dtype_bits(entry.dtype);
  if (!bits) return {};  // its size cannot be told; it is refused when something needs it
  int64_t n_bits = 0;
  if (__builtin_mul_overflow(n_elements, int64_t{*bits}, &n_bits)) return overflow();
  const uint64_t expected = static_cast<uint64_t>(n_bits) / 8;
  if (n_bits % 8 != 0 || entry.end - entry.begin != expected) {
    return bad_tensor(file, entry.name,
                      fmt::format("data_offsets [{}, {}] span {} bytes, expected {} for {} {}", entry.begin, entry.end,
                                  entry.end - entry.begin, expected, entry.dtype, shape_text(entry.shape)));
  }
  return {};
}

Result<HeaderEntry> parse_entry(std::string_view name, const json::Value& value, uint64_t data_bytes,
                                std::string_view file) {
  if (!value.is(json::Kind::object)) {
    return bad_tensor(file, name, fmt::format("its entry is {}, expected an object", value.text()));
  }
  std::optional<json::Value> dtype;
  std::optional<json::Value> shape;
  std::optional<json::Value> offsets;
  for (const auto& [key, item] : value.members()) {
    std::optional<json::Value>* const field = key == "dtype"          ? &dtype
                                              : key == "shape"        ? &shape
                                              : key == "data_offsets" ? &offsets
                                                                      : nullptr;
    if (field == nullptr) continue;
    if (*field) return bad_tensor(file, name, fmt::format("{} is given twice, expected once", key));
    *field = item;
  }
  for (const auto& [field, key] : {std::pair{&dtype, "dtype"}, {&shape, "shape"}, {&offsets, "data_offsets"}}) {
    if (!*field) return bad_tensor(file, name, fmt::format("{} is missing, found {}", key, value.text()));
  }

  HeaderEntry entry;
  entry.name = name;
  const auto dtype_name = dtype->as_string();
  if (!dtype_name) return bad_tensor(file, name, fmt::format("dtype is {}, expected a string", dtype->text()));
  entry.dtype = *dtype_name;
  LODE_ASSIGN(entry.shape, whole_numbers(*shape, "shape", file, name));
  if (entry.shape.size() > kMaxDims) {
    return bad_tensor(file, name,
                      fmt::format("shape has {} dimensions, at most {} are read", entry.shape.size(), kMaxDims));
  }
  LODE_ASSIGN(const std::vector<int64_t> range, whole_numbers(*offsets, "data_offsets", file, name));
  if (range.size() != 2) {
    return bad_tensor(file, name, fmt::format("data_offsets is {}, expected [begin, end]", offsets->text()));
  }
  entry.begin = static_cast<uint64_t>(range[0]);
  entry.end = static_cast<uint64_t>(range[1]);
  if (entry.begin > entry.end) {
    return bad_tensor(
        file, name,
        fmt::format("data_offsets begin at {} and end at {}, expected begin <= end", entry.begin, entry.end));
  }
  if (entry.end > data_bytes) {
    return bad_tensor(file, name,
                      fmt::format("data_offsets [{}, {}] reach beyond the {} data bytes of the file", entry.begin,
                                  entry.end, data_bytes));
  }
  LODE_TRY(check_size(entry, file));
  return entry;
}

Status check_unique_names(const std::vector<HeaderEntry>& entries, std::string_view file) {
  std::vector<std::string_view> names;
  names.reserve(entries.size());
  for (const HeaderEntry& entry : entries) names.push_back(entry.name);
  std::ranges::sort(names);
  const auto twin = std::ranges::adjacent_find(names);
  if (twin != names.end()) return bad_tensor(file, *twin, "found more than once in the header, expected once");
  return {};
}

// Entries must follow one another without overlap or hole up to the last byte.
Status check_tiling(const std::vector<HeaderEntry>& entries, uint64_t data_bytes, std::string_view file) {
  uint64_t at = 0;
  std::string_view previous;
  for (const HeaderEntry& entry : entries) {
    if (entry.begin < at) {
      return bad_tensor(file, entry.name,
                        fmt::format("begins at {}, inside tensor {} that ends at {}: they overlap", entry.begin,
                                    shown(previous), at));
    }
    if (entry.begin > at) {
      return bad_tensor(file, entry.name,
                        fmt::format("begins at {}, expected {}: {} bytes before it belong to no tensor", entry.begin,
                                    at, entry.begin - at));
    }
    at = entry.end;
    previous = entry.name;
  }
  if (at != data_bytes) {
    return corrupt(fmt::format("{}: the tensors end at data byte {}, expected {}: the file has {} bytes too many", file,
                               at, data_bytes, data_bytes - at));
  }
  return {};
}

}  // namespace

std::optional<int> dtype_bits(std::string_view dtype) {
  for (const DTypeRow& row : kDTypes) {
    if (row.name == dtype) return row.bits;
  }
  return std::nullopt;
}

std::string shown(std::string_view name) {
  constexpr size_t kMaxShown = 200;
  if (name.size() <= kMaxShown) return json::quote(name);
  return json::quote(name.substr(0, kMaxShown)) + "...";
}

std::string shape_text(std::span<const int64_t> shape) {
  const auto first = shape.first(std::min(shape.size(), kMaxDims));
  return fmt::format("[{}{}]", fmt::join(first, ", "), first.size() < shape.size() ? ", ..." : "");
}

Result<Header> parse_safetensors(std::span<const std::byte> bytes, std::string_view file) {
  LODE_TRY(check_not_another_format(bytes, file));
  if (bytes.size() < kLengthBytes) {
    return corrupt(fmt::format("{} has {} bytes, expected at least {}", file, bytes.size(), kLengthBytes));
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), kLengthBytes);
  const uint64_t rest = bytes.size() - kLengthBytes;
  if (header_bytes > rest) {
    return corrupt(
        fmt::format("{}: the header claims {} bytes, the file holds {} after its length", file, header_bytes, rest));
  }
  if (header_bytes > kMaxHeaderBytes) {
    return corrupt(
        fmt::format("{}: the header claims {} bytes, at most {} are read", file, header_bytes, kMaxHeaderBytes));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, header_bytes);
  auto document = json::Document::parse(text, fmt::format("{}: the header", file));
  if (!document) return corrupt(document.error().message);
  const json::Value root = document->root();
  if (!root.is(json::Kind::object)) {
    return corrupt(fmt::format("{}: the header is {}, expected a JSON object", file, json::kind_name(root.kind())));
  }

  Header header;
  header.data_start = kLengthBytes + header_bytes;
  const uint64_t data_bytes = rest - header_bytes;
  const auto members = root.members();
  header.entries.reserve(members.size());
  for (const auto& [name, value] : members) {
    if (name == "__metadata__") {
      LODE_TRY(parse_metadata(value, file));
      continue;
    }
    LODE_ASSIGN(HeaderEntry entry, parse_entry(name, value, data_bytes, file));
    header.entries.push_back(std::move(entry));
  }
  LODE_TRY(check_unique_names(header.entries, file));
  std::ranges::sort(header.entries, {},
                    [](const HeaderEntry& e) { return std::tuple(e.begin, e.end, std::string_view(e.name)); });
  LODE_TRY(check_tiling(header.entries, data_bytes, file));
  return header;
}

}  // namespace lode::weights

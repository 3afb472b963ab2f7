#include "base/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"

namespace lode::gguf {
namespace {

static_assert(std::endian::native == std::endian::little, "values are used as they lie in the file");

constexpr std::string_view kAgain = "The file is damaged or was cut off; get it again";

std::string shown_name(std::string_view name) {
  constexpr size_t kMaxShown = 200;
  if (name.size() <= kMaxShown) return json::quote(name);
  return json::quote(name.substr(0, kMaxShown)) + "...";
}

template <class T>
T load(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Reads on from a place in the file; every step checks what is left.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  [[nodiscard]] uint64_t at() const { return at_; }
  [[nodiscard]] uint64_t left() const { return bytes_.size() - at_; }

  [[nodiscard]] std::unexpected<Error> corrupt(std::string message) const {
    return fail(Code::corrupt, fmt::format("{}: {}", file_, message), std::string(kAgain));
  }

  Result<std::span<const std::byte>> take(uint64_t n, std::string_view what) {
    if (n > left()) {
      return corrupt(fmt::format("{} at byte {} takes {} bytes, the file has {} more", what, at_, n, left()));
    }
    const auto out = bytes_.subspan(at_, n);
    at_ += n;
    return out;
  }
  template <class T>
  Result<T> number(std::string_view what) {
    LODE_ASSIGN(const auto bytes, take(sizeof(T), what));
    return load<T>(bytes.data());
  }
  Result<std::string_view> string(std::string_view what) {
    LODE_ASSIGN(const auto n, number<uint64_t>(what));
    LODE_ASSIGN(const auto bytes, take(n, what));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  Result<Kind> kind(std::string_view what) {
    LODE_ASSIGN(const auto id, number<uint32_t>(what));
    if (id > std::to_underlying(Kind::f64)) {
      return corrupt(fmt::format("{} is of kind {}, expected 0 to {}", what, id, std::to_underlying(Kind::f64)));
    }
    return static_cast<Kind>(id);
  }

  Result<Value> value(std::string_view key) {
    Value out;
    LODE_ASSIGN(out.kind, kind(key));
    if (out.kind == Kind::array) {
      LODE_ASSIGN(out.element, kind(key));
      if (out.element == Kind::array) return corrupt(fmt::format("{} is an array of arrays, expected scalars", key));
      LODE_ASSIGN(out.count, number<uint64_t>(key));
      const uint64_t begin = at_;
      LODE_TRY(skip(out.element, out.count, key));
      out.bytes = bytes_.subspan(begin, at_ - begin);
      return out;
    }
    if (out.kind == Kind::string) {
      LODE_ASSIGN(const auto text, string(key));
      out.bytes = std::as_bytes(std::span(text));
      return out;
    }
    LODE_ASSIGN(out.bytes, take(kind_bytes(out.kind), key));
    if (out.kind == Kind::boolean && load<uint8_t>(out.bytes.data()) > 1) {
      return corrupt(fmt::format("{} is the boolean {}, expected 0 or 1", key, load<uint8_t>(out.bytes.data())));
    }
    return out;
  }

 private:
  Status skip(Kind element, uint64_t count, std::string_view key) {
    const size_t least = element == Kind::string ? sizeof(uint64_t) : kind_bytes(element);
    if (count > left() / least) {
      return corrupt(
          fmt::format("{} has {} elements of at least {} bytes, the file has {} more", key, count, least, left()));
    }
    if (element != Kind::string) {
      LODE_TRY(take(count * least, key));
      return {};
    }
    for (uint64_t i = 0; i < count; ++i) LODE_TRY(string(key));
    return {};
  }

  std::span<const std::byte> bytes_;
  std::string_view file_;
  uint64_t at_ = 0;
};

// Counts, after the magic and the version.
struct Counts {
  uint64_t tensors = 0;
  uint64_t pairs = 0;
};

Result<Counts> read_start(Reader& reader, std::string_view file, File& out) {
  const auto magic = reader.take(kMagic.size(), "the magic");
  if (!magic || std::memcmp(magic->data(), kMagic.data(), kMagic.size()) != 0) {
    return fail(Code::corrupt, fmt::format("{} does not start with \"GGUF\"", file), std::string(kAgain));
  }
  LODE_ASSIGN(out.version, reader.number<uint32_t>("the version"));
  if (out.version != 0 && (out.version & 0xFFFF) == 0) {
    return fail(Code::unsupported, fmt::format("{} is a big-endian GGUF file, expected little-endian", file),
                "Convert the model again on a little-endian machine");
  }
  if (out.version != 2 && out.version != 3) {
    return fail(Code::unsupported, fmt::format("{} is of GGUF version {}, expected 2 or 3", file, out.version),
                "Convert the model again with a current tool");
  }
  Counts counts;
  LODE_ASSIGN(counts.tensors, reader.number<uint64_t>("the number of tensors"));
  LODE_ASSIGN(counts.pairs, reader.number<uint64_t>("the number of keys"));
  // Key and tensor entries of the shortest kind: a length, a byte of name, a kind and a byte of value; a length, a byte
  // of name, one dimension, a type and an offset.
  constexpr uint64_t kLeastPair = 8 + 1 + 4 + 1;
  constexpr uint64_t kLeastTensor = 8 + 1 + 4 + 8 + 4 + 8;
  if (counts.pairs > reader.left() / kLeastPair || counts.tensors > reader.left() / kLeastTensor) {
    return reader.corrupt(fmt::format("{} keys and {} tensors are announced, the file has {} more bytes", counts.pairs,
                                      counts.tensors, reader.left()));
  }
  return counts;
}

Result<TensorInfo> read_tensor(Reader& reader, std::string_view file) {
  TensorInfo tensor;
  LODE_ASSIGN(tensor.name, reader.string("a tensor's name"));
  if (tensor.name.empty() || tensor.name.size() > kMaxNameBytes) {
    return reader.corrupt(fmt::format("a tensor's name has {} bytes, expected 1 to {}: {}", tensor.name.size(),
                                      kMaxNameBytes, shown_name(tensor.name)));
  }
  const std::string shown = fmt::format("tensor {}", shown_name(tensor.name));
  LODE_ASSIGN(const auto n_dims, reader.number<uint32_t>(shown));
  if (n_dims < 1 || n_dims > kMaxDims) {
    return reader.corrupt(fmt::format("{} has {} dimensions, expected 1 to {}", shown, n_dims, kMaxDims));
  }
  int64_t n_elements = 1;
  for (uint32_t i = 0; i < n_dims; ++i) {
    LODE_ASSIGN(const auto dim, reader.number<uint64_t>(shown));
    if (dim < 1 || dim > static_cast<uint64_t>(INT64_MAX) ||
        __builtin_mul_overflow(n_elements, static_cast<int64_t>(dim), &n_elements)) {
      return reader.corrupt(
          fmt::format("{}: dimension {} is {}, expected sizes from 1 whose product fits 63 bits", shown, i, dim));
    }
    tensor.dims.push_back(static_cast<int64_t>(dim));
  }
  LODE_ASSIGN(const auto id, reader.number<uint32_t>(shown));
  tensor.type = tensor_type(id);
  if (tensor.type == nullptr) {
    return fail(Code::unsupported, fmt::format("{}: {} is of type {}, which is not known", file, shown, id),
                "Quantise the model to a type that docs/formats.md lists");
  }
  if (tensor.dims[0] % tensor.type->block != 0) {
    return reader.corrupt(fmt::format("{}: rows of {} elements, expected a multiple of {} for {}", shown,
                                      tensor.dims[0], tensor.type->block, tensor.type->name));
  }
  int64_t n_bytes = 0;
  if (__builtin_mul_overflow(n_elements / tensor.type->block, tensor.type->bytes, &n_bytes)) {
    return reader.corrupt(fmt::format("{}: {} elements of {} have more bytes than 63 bits can count", shown, n_elements,
                                      tensor.type->name));
  }
  tensor.n_bytes = static_cast<uint64_t>(n_bytes);
  LODE_ASSIGN(tensor.offset, reader.number<uint64_t>(shown));
  return tensor;
}

Status check_unique(std::vector<std::string_view> names, std::string_view what, const Reader& reader) {
  std::ranges::sort(names);
  const auto twin = std::ranges::adjacent_find(names);
  if (twin == names.end()) return {};
  return reader.corrupt(fmt::format("{} {} is there more than once, expected once", what, shown_name(*twin)));
}

// The tensors follow one another, each at the next multiple of the alignment, and end in the file.
Status check_tiling(const File& out, uint64_t data_bytes, const Reader& reader) {
  uint64_t at = 0;
  for (const TensorInfo& tensor : out.tensors) {
    if (tensor.offset != at) {
      return reader.corrupt(fmt::format("tensor {} lies at {}, expected {}: tensors follow one another, aligned to {}",
                                        shown_name(tensor.name), tensor.offset, at, out.alignment));
    }
    if (at > data_bytes || tensor.n_bytes > data_bytes - at) {
      return reader.corrupt(fmt::format("tensor {} takes {} bytes from {}, the data have {}", shown_name(tensor.name),
                                        tensor.n_bytes, at, data_bytes));
    }
    at = (at + tensor.n_bytes + out.alignment - 1) / out.alignment * out.alignment;
  }
  return {};
}

}  // namespace

const Value* File::find(std::string_view key) const {
  const auto pair = std::ranges::find(pairs, key, &Pair::key);
  return pair == pairs.end() ? nullptr : &pair->value;
}

bool is_gguf_file(const std::filesystem::path& path) {
  std::error_code error;
  return path.extension() == ".gguf" && std::filesystem::exists(path, error) &&
         !std::filesystem::is_directory(path, error);
}

Result<File> parse(std::span<const std::byte> bytes, std::string_view file) {
  Reader reader(bytes, file);
  File out;
  LODE_ASSIGN(const Counts counts, read_start(reader, file, out));
  // Not beyond what a sound file holds: an entry takes several times its bytes in memory.
  constexpr uint64_t kMostReserved = 4096;
  out.pairs.reserve(std::min(counts.pairs, kMostReserved));
  for (uint64_t i = 0; i < counts.pairs; ++i) {
    LODE_ASSIGN(const std::string_view key, reader.string("a key"));
    if (key.empty() || key.size() > UINT16_MAX) {
      return reader.corrupt(fmt::format("a key has {} bytes, expected 1 to {}", key.size(), UINT16_MAX));
    }
    LODE_ASSIGN(const Value value, reader.value(fmt::format("key {}", shown_name(key))));
    out.pairs.push_back({key, value});
  }
  out.tensors.reserve(std::min(counts.tensors, kMostReserved));
  for (uint64_t i = 0; i < counts.tensors; ++i) {
    LODE_ASSIGN(TensorInfo tensor, read_tensor(reader, file));
    out.tensors.push_back(std::move(tensor));
  }
  std::vector<std::string_view> names;
  for (const File::Pair& pair : out.pairs) names.push_back(pair.key);
  LODE_TRY(check_unique(std::exchange(names, {}), "key", reader));
  for (const TensorInfo& tensor : out.tensors) names.push_back(tensor.name);
  LODE_TRY(check_unique(std::move(names), "tensor", reader));

  if (const Value* const alignment = out.find("general.alignment")) {
    const auto number = alignment->kind == Kind::u32 ? alignment->as_int() : std::nullopt;
    if (!number || *number < 1 || *number > 1 << 20 || !std::has_single_bit(static_cast<uint64_t>(*number))) {
      return reader.corrupt(fmt::format("general.alignment is {} ({}), expected a power of two of at most {}, u32",
                                        number ? fmt::to_string(*number) : "no number", alignment->kind_text(),
                                        1 << 20));
    }
    out.alignment = static_cast<uint64_t>(*number);
  }
  out.data_start = (reader.at() + out.alignment - 1) / out.alignment * out.alignment;
  const uint64_t data_bytes = bytes.size() > out.data_start ? bytes.size() - out.data_start : 0;
  LODE_TRY(check_tiling(out, data_bytes, reader));
  out.head = bytes.first(bytes.size() - data_bytes);
  return out;
}

}  // namespace lode::gguf

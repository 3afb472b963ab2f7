// The header of one safetensors file: 8 bytes of length (little-endian), that many bytes of JSON, then the tensors'
// data. As strict as the reference reader: the tensors must tile the data exactly, without overlap, hole or trailing
// byte, and every size must follow from its shape. Allocates in proportion to the header that is really there, never to
// a number written in it. Reads only the bytes it is given; keeps no reference to them. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::weights {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's limit
constexpr size_t kMaxDims = 8;

struct HeaderEntry {
  std::string name;
  std::string dtype;           // as written: "F16", "I64", ...
  std::vector<int64_t> shape;  // no negative number; the product fits int64
  uint64_t begin = 0;          // from the start of the data
  uint64_t end = 0;
};

struct Header {
  std::vector<HeaderEntry> entries;  // in the order of their data
  uint64_t data_start = 0;           // of the file
};

// `bytes`: the whole file. `file` names it in errors, which are Code::corrupt, or Code::unsupported for other formats.
Result<Header> parse_safetensors(std::span<const std::byte> bytes, std::string_view file);

// Bits of one element of a safetensors dtype; empty for a name that the format does not know.
std::optional<int> dtype_bits(std::string_view dtype);

// A name from a file for a message: quoted, escaped and of bounded length.
std::string shown(std::string_view name);
// "[4096, 1024]", cut after kMaxDims numbers.
std::string shape_text(std::span<const int64_t> shape);

}  // namespace lode::weights

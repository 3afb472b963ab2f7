// The number formats in which a vector can be sent, and the two steps that change it first. Stateless; any thread.
//
// Every format is a fixed function of the vector's numbers and their count d, so that vectors of different requests can
// be compared with one another; a scale of each vector's own could not. A component of a unit vector is about
// 1/sqrt(d); int8 spans eight times that, finely enough for a cosine and far enough for the components that stick out.
//   int8     clamp(round(x * s), -127, 127) with s = 127 * max(1, sqrt(d) / 8); halves to even. x is about q / s.
//   uint8    int8 + 128
//   ubinary  d bits, most significant first, 1 where x > 0; the last byte is filled up with zeros
//   binary   the same bytes, minus 128, as int8
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lode::server {

enum class ElementType : uint8_t { float32, int8, uint8, binary, ubinary };

// As `embedding_type` has it: "float", "int8" ...
std::string_view name(ElementType type);

// s above.
double int8_scale(size_t dims);

// Appends the vector's bytes; int8 and binary in two's complement, float32 as it lies in memory.
void append_elements(std::vector<std::byte>& out, std::span<const float> vector, ElementType type);

// Cuts each of the [n, dims] row-major vectors to its first `wanted` (at most dims) numbers and makes them unit vectors
// again.
void truncate_dims(std::vector<float>& vectors, size_t dims, size_t wanted);

}  // namespace lode::server

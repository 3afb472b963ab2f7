#include "server/element_type.h"

#include <algorithm>
#include <cmath>

namespace lode::server {

namespace {

int quantized(float x, double scale) {
  return static_cast<int>(std::clamp(std::nearbyint(static_cast<double>(x) * scale), -127.0, 127.0));
}

void append_bits(std::vector<std::byte>& out, std::span<const float> vector, unsigned offset) {
  for (size_t begin = 0; begin < vector.size(); begin += 8) {
    const auto eight = vector.subspan(begin, std::min<size_t>(8, vector.size() - begin));
    unsigned bits = 0;
    for (size_t i = 0; i < eight.size(); ++i) bits |= static_cast<unsigned>(eight[i] > 0) << (7 - i);
    out.push_back(static_cast<std::byte>(bits - offset));
  }
}

}  // namespace

std::string_view name(ElementType type) {
  switch (type) {
    case ElementType::float32: return "float";
    case ElementType::int8: return "int8";
    case ElementType::uint8: return "uint8";
    case ElementType::binary: return "binary";
    case ElementType::ubinary: return "ubinary";
  }
  return "float";
}

double int8_scale(size_t dims) {
  return 127 * std::max(1.0, std::sqrt(static_cast<double>(dims)) / 8);
}

void append_elements(std::vector<std::byte>& out, std::span<const float> vector, ElementType type) {
  switch (type) {
    case ElementType::float32: {
      const auto bytes = std::as_bytes(vector);
      out.insert(out.end(), bytes.begin(), bytes.end());
      break;
    }
    case ElementType::int8:
    case ElementType::uint8: {
      const double scale = int8_scale(vector.size());
      const int zero = type == ElementType::uint8 ? 128 : 0;
      for (const float x : vector) out.push_back(static_cast<std::byte>(quantized(x, scale) + zero));
      break;
    }
    case ElementType::binary: append_bits(out, vector, 128); break;
    case ElementType::ubinary: append_bits(out, vector, 0); break;
  }
}

void truncate_dims(std::vector<float>& vectors, size_t dims, size_t wanted) {
  const size_t n = vectors.size() / dims;
  for (size_t i = 0; i < n; ++i) {
    const std::span<const float> from(vectors.data() + i * dims, wanted);
    double squares = 0;
    for (const float x : from) squares += static_cast<double>(x) * x;
    const double norm = squares > 0 ? std::sqrt(squares) : 1;  // a zero vector stays one
    float* to = vectors.data() + i * wanted;
    for (size_t k = 0; k < wanted; ++k) to[k] = static_cast<float>(from[k] / norm);
  }
  vectors.resize(n * wanted);
}

}  // namespace lode::server

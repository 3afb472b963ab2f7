// Any bytes as one safetensors file. What is accepted must tile its data exactly, with every size equal to its shape's.
#include <cstddef>
#include <cstdint>
#include <span>

#include "weights/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lode::weights;
  const auto header = parse_safetensors(std::as_bytes(std::span(data, size)), "fuzz.safetensors");
  if (!header) {
    LODE_CHECK(header.error().message.size() < 1500);
    return 0;
  }
  uint64_t at = 0;
  for (const HeaderEntry& entry : header->entries) {
    LODE_CHECK(entry.begin == at && entry.end >= entry.begin);
    at = entry.end;
    int64_t n_elements = 1;
    for (const int64_t dim : entry.shape) n_elements *= dim;  // the sanitizer traps an overflow
    if (const auto bits = dtype_bits(entry.dtype)) {
      LODE_CHECK(static_cast<uint64_t>(n_elements) * static_cast<uint64_t>(*bits) == 8 * (entry.end - entry.begin));
    }
  }
  LODE_CHECK(header->data_start + at == size);
  return 0;
}

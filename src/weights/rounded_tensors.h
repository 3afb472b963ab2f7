// Matrices of a GGUF file that `lode convert --to int8|int4` rounded: which tensors they are, their shapes and how they
// are packed (keys "lode.rounded.*", docs/formats.md). The file's head is protected by a checksum, and every length is
// checked against the shapes. Plain data; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/gguf.h"
#include "base/gguf_head.h"
#include "kernels/packed_matrix.h"

namespace lode::weights {

// That is written; older ones are read, newer ones refused.
inline constexpr uint32_t kRoundedVersion = 2;

// "int8-rotated", "int4-rotated", "int4".
std::string_view packing_name(const kernels::Packing& packing);
std::optional<kernels::Packing> find_packing(std::string_view name);

struct RoundedTensor {
  std::string name;  // in the file
  kernels::Packing packing;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t group = kernels::int8_group(columns);  // elements that share a scale

  [[nodiscard]] kernels::PackedMatrix shape() const { return {packing, rows, columns, nullptr, group}; }
  [[nodiscard]] int64_t n_bytes() const { return shape().n_bytes(); }
};

// Empty where the file says nothing of them. `what` names the file in errors: Code::corrupt, or Code::unsupported for
// a version that is not known.
Result<std::vector<RoundedTensor>> read_rounded_tensors(const gguf::File& file, std::string_view what);
// The same behind the version and the checksum, which a fuzzer would never come past.
Result<std::vector<RoundedTensor>> list_rounded_tensors(const gguf::File& file, int64_t version, std::string_view what);

// The keys, as the last ones of a head.
void add_rounded_keys(const std::vector<RoundedTensor>& tensors, gguf::Head& head);
// The bytes of such a head, with their checksum in place.
std::string checked_head(const gguf::Head& head);

}  // namespace lode::weights

// Small checkpoints for tests: safetensors bytes, well-formed or not, in a temporary folder that goes when the object
// does.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "../base/temporary.h"
#include "base/error.h"

namespace lode::weights::testing {

struct TensorSpec {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::string data;  // its bytes
};

// A file of this header text and this data, the length in front being the header's.
inline std::string safetensors_of(std::string_view header, std::string_view data) {
  uint64_t n = header.size();
  std::string out(sizeof(n), '\0');
  std::memcpy(out.data(), &n, sizeof(n));
  return out.append(header).append(data);
}

// A well-formed file of these tensors, in this order. The header is padded with spaces to a multiple of `align` bytes.
inline std::string safetensors_of(const std::vector<TensorSpec>& tensors, size_t align = 8) {
  std::string header = R"({"__metadata__":{"format":"pt"})";
  std::string data;
  for (const TensorSpec& t : tensors) {
    header += fmt::format(R"(,"{}":{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", t.name, t.dtype,
                          fmt::join(t.shape, ","), data.size(), data.size() + t.data.size());
    data += t.data;
  }
  header += "}";
  while (header.size() % align != 0) header += ' ';
  return safetensors_of(header, data);
}

// Bytes 0, 1, 2, ... as the data of a tensor.
inline std::string counting(size_t n_bytes, size_t from = 0) {
  std::string out(n_bytes, '\0');
  for (size_t i = 0; i < n_bytes; ++i) out[i] = static_cast<char>(from + i);
  return out;
}

class ModelFolder : public test::TemporaryFolder {
 public:
  ModelFolder() { write("config.json", R"({"model_type":"mistral"})"); }
};

// "code: line" of a failed result, "accepted" of a good one.
template <class T>
std::string outcome(const Result<T>& result) {
  if (result) return "accepted";
  return fmt::format("{}: {}", code_name(result.error().code), result.error().line());
}

}  // namespace lode::weights::testing

// The outcome holds each of the given pieces of text.
#define EXPECT_SAYS(outcome_text, ...)                                                                 \
  do {                                                                                                 \
    const std::string said_ = (outcome_text);                                                          \
    for (const std::string& piece_ : std::vector<std::string>{__VA_ARGS__}) {                          \
      EXPECT_NE(said_.find(piece_), std::string::npos) << "wanted: " << piece_ << "\nsaid: " << said_; \
    }                                                                                                  \
  } while (false)

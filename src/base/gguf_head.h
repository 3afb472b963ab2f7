// The head of a GGUF file that is being written: version 3, keys in the order they are added, tensors in the order of
// their data. The data themselves follow it, each tensor padded to kDefaultAlignment. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"

namespace lode::gguf {

class Head {
 public:
  void add(std::string_view key, std::string_view text);
  void add(std::string_view key, const char* text) { add(key, std::string_view(text)); }
  void add(std::string_view key, uint32_t number);
  void add(std::string_view key, float number);
  void add(std::string_view key, bool flag);
  void add(std::string_view key, const std::vector<std::string>& texts);
  void add(std::string_view key, std::span<const float> numbers);
  void add(std::string_view key, std::span<const int32_t> numbers);
  // As an array of u8: what is no text.
  void add_bytes(std::string_view key, std::string_view bytes);
  // As it lay in another file.
  void add(std::string_view key, const Value& value);

  // dims: the innermost first. Behind the tensors that were added before.
  void add_tensor(std::string_view name, const TensorType& type, std::span<const int64_t> dims);

  // All of it, with the padding in front of the data.
  [[nodiscard]] std::string bytes() const;
  [[nodiscard]] uint64_t data_bytes() const { return data_bytes_; }

 private:
  void start(std::string_view key, Kind kind);
  void start_array(std::string_view key, Kind element, uint64_t count);

  uint64_t n_pairs_ = 0;
  uint64_t n_tensors_ = 0;
  uint64_t data_bytes_ = 0;
  std::string pairs_;
  std::string tensors_;
};

// Zero bytes that go behind n bytes of a tensor.
constexpr uint64_t padding(uint64_t n) {
  return (kDefaultAlignment - n % kDefaultAlignment) % kDefaultAlignment;
}

}  // namespace lode::gguf

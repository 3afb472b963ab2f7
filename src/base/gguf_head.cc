#include "base/gguf_head.h"

#include <utility>

namespace lode::gguf {
namespace {

template <class T>
void put_number(std::string& out, T number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, static_cast<uint64_t>(text.size()));
  out.append(text);
}

}  // namespace

void Head::start(std::string_view key, Kind kind) {
  ++n_pairs_;
  put_text(pairs_, key);
  put_number(pairs_, std::to_underlying(kind));
}

void Head::start_array(std::string_view key, Kind element, uint64_t count) {
  start(key, Kind::array);
  put_number(pairs_, std::to_underlying(element));
  put_number(pairs_, count);
}

void Head::add(std::string_view key, std::string_view text) {
  start(key, Kind::string);
  put_text(pairs_, text);
}

void Head::add(std::string_view key, uint32_t number) {
  start(key, Kind::u32);
  put_number(pairs_, number);
}

void Head::add(std::string_view key, float number) {
  start(key, Kind::f32);
  put_number(pairs_, number);
}

void Head::add(std::string_view key, bool flag) {
  start(key, Kind::boolean);
  put_number(pairs_, static_cast<uint8_t>(flag ? 1 : 0));
}

void Head::add(std::string_view key, const std::vector<std::string>& texts) {
  start_array(key, Kind::string, texts.size());
  for (const std::string& text : texts) put_text(pairs_, text);
}

void Head::add(std::string_view key, std::span<const float> numbers) {
  start_array(key, Kind::f32, numbers.size());
  for (const float number : numbers) put_number(pairs_, number);
}

void Head::add(std::string_view key, std::span<const int32_t> numbers) {
  start_array(key, Kind::i32, numbers.size());
  for (const int32_t number : numbers) put_number(pairs_, number);
}

void Head::add_bytes(std::string_view key, std::string_view bytes) {
  start_array(key, Kind::u8, bytes.size());
  pairs_.append(bytes);
}

void Head::add(std::string_view key, const Value& value) {
  const std::string_view bytes(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
  if (value.kind == Kind::array) {
    start_array(key, value.element, value.count);
    pairs_.append(bytes);
  } else if (value.kind == Kind::string) {
    add(key, bytes);
  } else {
    start(key, value.kind);
    pairs_.append(bytes);
  }
}

void Head::add_tensor(std::string_view name, const TensorType& type, std::span<const int64_t> dims) {
  ++n_tensors_;
  put_text(tensors_, name);
  put_number(tensors_, static_cast<uint32_t>(dims.size()));
  uint64_t n_elements = 1;
  for (const int64_t dim : dims) {
    put_number(tensors_, static_cast<uint64_t>(dim));
    n_elements *= static_cast<uint64_t>(dim);
  }
  put_number(tensors_, type.id);
  put_number(tensors_, data_bytes_);
  const uint64_t n_bytes = n_elements / static_cast<uint64_t>(type.block) * static_cast<uint64_t>(type.bytes);
  data_bytes_ += n_bytes + padding(n_bytes);
}

std::string Head::bytes() const {
  std::string out(kMagic);
  put_number(out, kVersion);
  put_number(out, n_tensors_);
  put_number(out, n_pairs_);
  out.append(pairs_).append(tensors_);
  return out.append(padding(out.size()), '\0');
}

}  // namespace lode::gguf

// An encoder whose vectors are kept: what the cache has is read, the rest is encoded, each text once, and appended four
// times a second, so that a killed run loses little. Since a vector never depends on its neighbours, the results are
// the same bits whatever was there before. A cache that cannot be written (full disk) costs a note, not the run.
#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/encoder.h"
#include "index/vector_cache.h"

namespace lode::eval {

struct CacheOptions {
  std::chrono::milliseconds append_every{250};
  size_t n_window = 8192;  // texts handed to the encoder at once
  // Told once when the cache can be used no more.
  std::function<void(const Error&)> on_note{};
};

class CachedEncoder final : public Encoder {
 public:
  // Both must outlive it; the cache is of encoder.dims() dimensions.
  CachedEncoder(Encoder& encoder, index::VectorCache& cache, CacheOptions options)
      : encoder_(encoder), cache_(cache), options_(std::move(options)) {}

  [[nodiscard]] int64_t dims() const override { return encoder_.dims(); }
  [[nodiscard]] Result<std::string> applied(const Prompt& prompt) const override { return encoder_.applied(prompt); }
  [[nodiscard]] uint64_t weight(std::string_view text) const override { return encoder_.weight(text); }
  Status encode_each(std::span<const std::string> texts, const Prompt& prompt, const OnVector& on_vector) override;

  [[nodiscard]] size_t n_read() const { return n_read_; }
  [[nodiscard]] size_t n_encoded() const { return n_encoded_; }

 private:
  struct Window;
  Status encode_window(const Window& window, const Prompt& prompt, const OnVector& on_vector);
  void keep(std::span<const index::VectorKey> keys, std::span<const float> rows);

  Encoder& encoder_;
  index::VectorCache& cache_;
  CacheOptions options_;
  bool writable_ = true;
  size_t n_read_ = 0;
  size_t n_encoded_ = 0;
};

}  // namespace lode::eval

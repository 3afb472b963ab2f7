#include "eval/cached_encoder.h"

#include <map>
#include <utility>

namespace lode::eval {

// Texts that the cache lacks, each once, and where in the call each of them stands.
struct CachedEncoder::Window {
  std::vector<std::string> texts;
  std::vector<index::VectorKey> keys;
  std::vector<std::vector<size_t>> places;
};

Status CachedEncoder::encode_each(std::span<const std::string> texts, const Prompt& prompt, const OnVector& on_vector) {
  LODE_ASSIGN(const std::string applied_prompt, applied(prompt));
  if (const Status status = cache_.refresh(); !status && options_.on_note) options_.on_note(status.error());
  std::vector<index::VectorKey> keys;
  keys.reserve(texts.size());
  for (const std::string& text : texts) keys.push_back(index::vector_key(applied_prompt, text));

  std::vector<float> row(static_cast<size_t>(dims()));
  std::vector<size_t> missing;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!cache_.read(keys[i], row)) {
      missing.push_back(i);
      continue;
    }
    ++n_read_;
    LODE_TRY(on_vector({.text = i, .vector = row, .computed = false}));
  }

  const auto by_bits = [](const index::VectorKey& a, const index::VectorKey& b) {
    return std::pair(a.low, a.high) < std::pair(b.low, b.high);
  };
  for (size_t next = 0; next < missing.size();) {
    Window window;
    std::map<index::VectorKey, size_t, decltype(by_bits)> seen(by_bits);
    for (; next < missing.size() && window.texts.size() < options_.n_window; ++next) {
      const size_t i = missing[next];
      // An earlier window may have kept it.
      if (cache_.read(keys[i], row)) {
        ++n_read_;
        LODE_TRY(on_vector({.text = i, .vector = row, .computed = false}));
        continue;
      }
      if (const auto [found, is_new] = seen.try_emplace(keys[i], window.texts.size()); !is_new) {
        window.places[found->second].push_back(i);
        continue;
      }
      window.texts.push_back(texts[i]);
      window.keys.push_back(keys[i]);
      window.places.push_back({i});
    }
    LODE_TRY(encode_window(window, prompt, on_vector));
  }
  return {};
}

Status CachedEncoder::encode_window(const Window& window, const Prompt& prompt, const OnVector& on_vector) {
  std::vector<index::VectorKey> keys;
  std::vector<float> rows;
  auto kept = std::chrono::steady_clock::now();
  const Status status = encoder_.encode_each(window.texts, prompt, [&](const Encoded& encoded) -> Status {
    ++n_encoded_;
    keys.push_back(window.keys[encoded.text]);
    rows.insert(rows.end(), encoded.vector.begin(), encoded.vector.end());
    const auto now = std::chrono::steady_clock::now();
    if (now - kept >= options_.append_every) {
      keep(keys, rows);
      keys.clear();
      rows.clear();
      kept = now;
    }
    bool computed = true;
    for (const size_t place : window.places[encoded.text]) {
      LODE_TRY(on_vector({.text = place, .vector = encoded.vector, .computed = std::exchange(computed, false)}));
    }
    return {};
  });
  keep(keys, rows);  // also what was done before an error or Ctrl-C
  return status;
}

void CachedEncoder::keep(std::span<const index::VectorKey> keys, std::span<const float> rows) {
  if (!writable_) return;
  const Status status = cache_.append(keys, rows);
  if (status) return;
  writable_ = false;
  if (options_.on_note) options_.on_note(status.error());
}

}  // namespace lode::eval

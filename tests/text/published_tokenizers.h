// The published Mistral tokenizer, where the shared data is there.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "base/mapped_file.h"
#include "text/sentencepiece_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace lode::text::testing {

inline std::filesystem::path shared_folder() {
  const char* set = std::getenv("LODE_SHARED");
  return set != nullptr ? std::filesystem::path(set) : std::filesystem::path(LODE_SOURCE_DIR) / ".." / "shared";
}

// Both null, with the reason printed by the caller's GTEST_SKIP, where the data is absent.
struct Mistral {
  std::unique_ptr<Tokenizer> from_json;
  std::unique_ptr<Tokenizer> from_model;
};

inline const Mistral& mistral() {
  static const Mistral both = [] {
    Mistral out;
    const auto folder = shared_folder() / "golden/tokenizer";
    if (!std::filesystem::exists(folder / "tokenizer.json")) return out;
    const auto json = read_file(folder / "tokenizer.json"), model = read_file(folder / "tokenizer.model");
    EXPECT_TRUE(json && model);
    if (!json || !model) return out;
    auto from_json = read_tokenizer_json(*json, "tokenizer.json", {});
    auto from_model = read_sentencepiece(*model, "tokenizer.model", {});
    EXPECT_TRUE(from_json && from_model);
    if (from_json) out.from_json = std::move(*from_json);
    if (from_model) out.from_model = std::move(*from_model);
    return out;
  }();
  return both;
}

}  // namespace lode::text::testing

#define LODE_NEED_MISTRAL()                                                                                      \
  if (!::lode::text::testing::mistral().from_json) {                                                             \
    GTEST_SKIP() << "no golden/tokenizer in " << ::lode::text::testing::shared_folder() << " (set LODE_SHARED)"; \
  }

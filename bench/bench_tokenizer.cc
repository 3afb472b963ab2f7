// What tokenising costs per byte, from 10 kB to 10 MB: it must not grow. CPU time, so that a busy machine disturbs
// less.
//   bench_tokenizer [MODEL_FOLDER ...]    default: the published Mistral tokenizer of LODE_SHARED
// Short inputs are taken from all over the long one in turn: the same 10 kB again and again would measure how well the
// processor learns them by heart.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

using lode::text::TokenId;
using lode::text::Tokenizer;

constexpr size_t kLongest = 10'000'000;

// Words with English letter frequencies and a Zipf-like choice among 20,000 of them, in sentences.
std::string prose() {
  std::mt19937 random(1);
  std::vector<std::string> words(20'000);
  for (auto& word : words) {
    const size_t n = 2 + random() % 4 + random() % 5;
    for (size_t i = 0; i < n; ++i) word += "etaoinshrdlcumwfgypbvkjxqz"[random() % 26 * (random() % 26) / 26];
  }
  const char* common[] = {"the", "of", "and", "to", "in",  "a",    "is", "that",
                          "for", "it", "was", "on", "are", "with", "as"};
  std::string text;
  while (text.size() < kLongest) {
    const size_t pick = random() % 100;
    text += pick < 40 ? std::string(common[random() % 15])
                      : words[static_cast<size_t>(random() % 20'000) * (random() % 20'000) / 20'000];
    text += pick % 16 == 0 ? ". " : pick % 16 == 1 ? ", " : " ";
  }
  return text;
}

// Identifiers, numbers and operators without a space or a line end.
std::string unbroken_code() {
  std::mt19937 random(2);
  const char* parts[] = {"value", "index", "get", "self", "node", "Buffer", "_",
                         "std",   "i",     "tmp", "0",    "42",   "size",   "x1"};
  const char* joints[] = {"(", ")", ".", "->", "=", "+", "[", "]", ";", "{", "}", "::", "_", "", "", ""};
  std::string text;
  while (text.size() < kLongest) text.append(parts[random() % 14]).append(joints[random() % 16]);
  return text;
}

std::string one_letter() {
  return std::string(kLongest, 'a');
}

// Letters in no order and with no break: nothing but merging.
std::string random_letters() {
  std::mt19937 random(3);
  std::string text(kLongest, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

std::string random_unicode() {
  std::mt19937 random(4);
  std::string text;
  while (text.size() < kLongest) {
    const char32_t limits[] = {0x80, 0x800, 0x3000, 0x10000, 0x110000};
    const char32_t c = random() % limits[random() % 5];
    if (c < 0xD800 || c >= 0xE000) lode::text::utf8::append(c, text);
  }
  return text;
}

void encode(benchmark::State& state, const Tokenizer& tokenizer, std::string_view text, size_t n_bytes) {
  std::vector<TokenId> ids;
  size_t at = 0, n_tokens = 0;
  for (auto _ : state) {
    ids.clear();
    tokenizer.encode(text.substr(at, n_bytes), ids);
    benchmark::DoNotOptimize(ids.data());
    n_tokens += ids.size();
    at = at + 2 * n_bytes <= text.size() ? at + n_bytes : 0;
  }
  const auto bytes = static_cast<double>(n_bytes) * static_cast<double>(state.iterations());
  state.counters["ns/byte"] =
      benchmark::Counter(bytes / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes/token"] = bytes / static_cast<double>(n_tokens);
}

void load(benchmark::State& state, const std::filesystem::path& folder) {
  for (auto _ : state) {
    auto tokenizer = lode::text::load_tokenizer(folder);
    benchmark::DoNotOptimize(tokenizer);
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::vector<std::filesystem::path> folders(argv + 1, argv + argc);
  if (folders.empty()) {
    const char* shared = std::getenv("LODE_SHARED");
    folders.push_back(
        (shared != nullptr ? std::filesystem::path(shared) : std::filesystem::path(LODE_SOURCE_DIR) / "../shared") /
        "golden/tokenizer");
  }
  const std::pair<const char*, std::string> texts[] = {{"prose", prose()},
                                                       {"unbroken_code", unbroken_code()},
                                                       {"one_letter", one_letter()},
                                                       {"random_letters", random_letters()},
                                                       {"random_unicode", random_unicode()}};
  std::vector<std::unique_ptr<Tokenizer>> tokenizers;
  for (const auto& folder : folders) {
    auto tokenizer = lode::text::load_tokenizer(folder);
    if (!tokenizer) {
      fmt::print(stderr, "{}\n", tokenizer.error().line());
      return 1;
    }
    tokenizers.push_back(std::move(*tokenizer));
    const std::string name = folder.filename().string();
    benchmark::RegisterBenchmark((name + "/load").c_str(), load, folder)->Unit(benchmark::kMillisecond);
    for (const auto& [text_name, text] : texts) {
      for (const size_t n_bytes : {size_t{10'000}, size_t{100'000}, size_t{1'000'000}, kLongest}) {
        benchmark::RegisterBenchmark(fmt::format("{}/{}/{}", name, text_name, n_bytes).c_str(), encode,
                                     std::cref(*tokenizers.back()), std::string_view(text), n_bytes)
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

#include "index/aside.h"

#include <algorithm>
#include <array>

namespace lode::index {
namespace {

constexpr std::array<std::string_view, 16> kAsideWords = {
    "benchmark", "bench",  "demo", "doc",  "example",  "external", "fixture",     "node_module",
    "sample",    "script", "spec", "test", "testdata", "testing",  "third_party", "vendor"};

std::string_view singular(std::string_view word) {
  while (word.starts_with('_')) word.remove_prefix(1);
  while (word.ends_with('_')) word.remove_suffix(1);
  if (word.ends_with('s')) word.remove_suffix(1);
  return word;
}

std::string_view known(std::string_view word) {
  word = singular(word);
  return std::ranges::find(kAsideWords, word) == kAsideWords.end() ? std::string_view() : word;
}

}  // namespace

std::string_view aside_word(std::string_view path) {
  if (path == "setup.py") return path;
  for (std::string_view rest = path;;) {
    const size_t slash = rest.find('/');
    if (slash != std::string_view::npos) {
      if (const std::string_view word = known(rest.substr(0, slash)); !word.empty()) return word;
      rest.remove_prefix(slash + 1);
      continue;
    }
    // test_x.py, x_test.go, x.spec.ts
    const std::string_view stem = rest.substr(0, std::min(rest.find_last_of('.'), rest.size()));
    const size_t first = std::min(stem.find('_'), stem.size());
    const size_t last = stem.find_last_of("._");
    for (const std::string_view part : {stem.substr(0, first), last == stem.npos ? stem : stem.substr(last + 1)}) {
      if (part != stem && (part == "test" || part == "spec")) return part;
    }
    return {};
  }
}

}  // namespace lode::index

// The lines that show why a chunk was found. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace lode::search {

// Terms (code_terms) and what each counts.
using TermWeights = std::map<std::string, double>;

// Finds those terms in texts, and remembers which ones a word has: words come again and again. One thread at a time.
class TermFinder {
 public:
  using Term = TermWeights::value_type;
  // They outlive this.
  explicit TermFinder(const TermWeights& weights) : weights_(weights) {}
  // What a text has of them, each once, by name.
  const std::vector<const Term*>& in(std::string_view text);

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view word) const { return std::hash<std::string_view>()(word); }
  };
  const TermWeights& weights_;
  std::unordered_map<std::string, std::vector<const Term*>, Hash, std::equal_to<>> known_;  // by word
  std::vector<const Term*> found_;
  std::vector<std::string> terms_;
};

struct Snippet {
  uint32_t first_line = 0;  // from 1
  uint32_t best_line = 0;   // what it is around
  std::string text;         // whole lines, without the last line's end
};

// Of lines first_line.. of a file, which are `chunk`: its best line by the weights of the terms that it holds (the
// first of equal ones), with `context` lines on each side, within the chunk. Lines of more than 300 bytes are cut.
Snippet best_lines(std::string_view chunk, uint32_t first_line, TermFinder& terms, size_t context);

// Lines [first, last] of a text, from 1, with `context` on each side.
Snippet lines_around(std::string_view text, uint32_t first, uint32_t last, size_t context);

}  // namespace lode::search

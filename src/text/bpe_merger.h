// Byte-pair merging of one domain: join the neighbours of lowest rank, leftmost first, until none joins. Exact, at a
// cost per symbol that does not grow with the domain's length. One object serves one encode() call (it keeps its
// scratch memory).
//
// How a long domain stays cheap. Merging is local: what happens between two final tokens never looks across them. So
//   (1) the tokens of a stretch between two token boundaries are the tokens of that stretch alone, and
//   (2) a row of tokens is the result for the whole if and only if each two neighbours, merged alone, stay those two
//       (else take the first merge that crosses a boundary: merging those two alone would have made it as well).
// Hence a long domain is merged in windows: each starts at a token boundary well inside the one before, and the join is
// checked by (2). Where the check fails the window moves back and widens; at worst it is the whole domain.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "text/merges.h"

namespace lode::text {

class BpeMerger {
 public:
  explicit BpeMerger(const Merges& merges) : merges_(merges) {}

  // Appends the tokens of `symbols` [n] to ids.
  void merge(std::span<const TokenId> symbols, std::vector<TokenId>& ids);

 private:
  struct Token {
    TokenId id;
    uint32_t n_symbols;
  };

  void merge_long(std::span<const TokenId> symbols, std::vector<TokenId>& ids);
  // The tokens of `symbols`, into out. Quadratic for a few symbols, else with a heap.
  void merge_all(std::span<const TokenId> symbols, std::vector<Token>& out);
  void merge_few(std::span<const TokenId> symbols, std::vector<Token>& out);
  void merge_many(std::span<const TokenId> symbols, std::vector<Token>& out);
  // Whether two neighbours, whose symbols these are, stay apart when merged alone.
  bool stay_apart(std::span<const TokenId> symbols, Token left, Token right);

  struct Link {
    TokenId id;
    uint32_t before;
    uint32_t after;
    uint32_t n_symbols;  // 0: merged into its left neighbour
    Merges::Found with_next;
  };

  const Merges& merges_;
  std::vector<Link> links_;
  std::vector<uint64_t> heap_;  // rank << 32 | index of the left one
  std::vector<Token> window_tokens_;
  std::vector<Token> pair_tokens_;
};

}  // namespace lode::text

#include "text/symbols.h"

#include <algorithm>

#include "text/utf8.h"

namespace lode::text {

Symbols::Symbols(const Vocab& vocab, const std::vector<Merges::Merge>& merges, std::span<const TokenId> others) {
  std::array<TokenId, kPageSize> none{};
  none.fill(-1);
  pages_.push_back(none);
  for (TokenId id = 0; id < vocab.size(); ++id) {
    const auto piece = vocab.piece_of(id);
    if (piece.empty()) continue;
    const auto scalar = utf8::scalar_at(piece, 0);
    if (scalar.n_bytes != piece.size()) continue;
    uint16_t& page = page_of_[scalar.value / kPageSize];
    if (page == 0) {
      page = static_cast<uint16_t>(pages_.size());
      pages_.push_back(none);
    }
    pages_[page][scalar.value % kPageSize] = id;
  }

  joins_.assign((size_t{1} << kJoinBits) / 64, 0);
  std::vector<bool> is_other(static_cast<size_t>(vocab.size()), false);
  for (const TokenId id : others) is_other[static_cast<size_t>(id)] = true;
  for (const auto& merge : merges) {
    // Where pieces can hold symbols that their characters do not tell, every pair may join.
    if (is_other[static_cast<size_t>(merge.left)] || is_other[static_cast<size_t>(merge.right)]) {
      std::ranges::fill(joins_, ~uint64_t{0});
      return;
    }
    const auto left = vocab.piece_of(merge.left), right = vocab.piece_of(merge.right);
    const TokenId last = id_of(utf8::scalar_before(left, left.size()).value);
    const TokenId first = id_of(utf8::scalar_at(right, 0).value);
    if (last < 0 || first < 0) continue;  // such a piece cannot come about
    const uint32_t bit = bit_of(last, first);
    joins_[bit / 64] |= uint64_t{1} << (bit % 64);
  }
}

}  // namespace lode::text

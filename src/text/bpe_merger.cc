#include "text/bpe_merger.h"

#include <algorithm>
#include <functional>

namespace lode::text {
namespace {

// Up to here scanning for the lowest rank beats a heap.
constexpr size_t kFew = 32;
// A window fits the first-level cache with its links; its last quarter is not trusted, what follows may still change
// it.
constexpr size_t kWindow = 256;

}  // namespace

void BpeMerger::merge(std::span<const TokenId> symbols, std::vector<TokenId>& ids) {
  switch (symbols.size()) {
    case 0: return;
    case 1: ids.push_back(symbols[0]); return;
    case 2: {
      const auto found = merges_.find(symbols[0], symbols[1]);
      if (found.rank == Merges::kNever) {
        ids.insert(ids.end(), symbols.begin(), symbols.end());
      } else {
        ids.push_back(found.result);
      }
      return;
    }
    default: break;
  }
  if (symbols.size() > kWindow) return merge_long(symbols, ids);
  merge_all(symbols, window_tokens_);
  for (const Token& token : window_tokens_) ids.push_back(token.id);
}

void BpeMerger::merge_all(std::span<const TokenId> symbols, std::vector<Token>& out) {
  out.clear();
  if (symbols.size() <= kFew) {
    merge_few(symbols, out);
  } else {
    merge_many(symbols, out);
  }
}

void BpeMerger::merge_few(std::span<const TokenId> symbols, std::vector<Token>& out) {
  std::array<Token, kFew> tokens;
  std::array<Merges::Found, kFew> with_next;
  size_t n = symbols.size();
  for (size_t i = 0; i < n; ++i) {
    tokens[i] = {symbols[i], 1};
    with_next[i] = i + 1 < n ? merges_.find(symbols[i], symbols[i + 1]) : Merges::Found{};
  }
  while (true) {
    size_t best = 0;
    for (size_t i = 1; i < n; ++i) {
      if (with_next[i].rank < with_next[best].rank) best = i;
    }
    if (n == 0 || with_next[best].rank == Merges::kNever) break;
    tokens[best] = {with_next[best].result, tokens[best].n_symbols + tokens[best + 1].n_symbols};
    --n;
    for (size_t i = best + 1; i < n; ++i) {
      tokens[i] = tokens[i + 1];
      with_next[i] = with_next[i + 1];
    }
    with_next[best] = best + 1 < n ? merges_.find(tokens[best].id, tokens[best + 1].id) : Merges::Found{};
    if (best > 0) with_next[best - 1] = merges_.find(tokens[best - 1].id, tokens[best].id);
  }
  out.insert(out.end(), tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(n));
}

void BpeMerger::merge_many(std::span<const TokenId> symbols, std::vector<Token>& out) {
  constexpr uint32_t kNone = 0xFFFFFFFF;
  const auto n = static_cast<uint32_t>(symbols.size());
  links_.resize(n);
  heap_.clear();
  const auto pair_up = [this](uint32_t left, bool push) {
    Link& link = links_[left];
    link.with_next = link.after == kNone ? Merges::Found{} : merges_.find(link.id, links_[link.after].id);
    if (link.with_next.rank == Merges::kNever) return;
    heap_.push_back(uint64_t{link.with_next.rank} << 32 | left);
    if (push) std::ranges::push_heap(heap_, std::greater());
  };
  for (uint32_t i = 0; i < n; ++i) links_[i] = {symbols[i], i == 0 ? kNone : i - 1, i + 1 == n ? kNone : i + 1, 1, {}};
  for (uint32_t i = 0; i < n; ++i) pair_up(i, false);
  std::ranges::make_heap(heap_, std::greater());
  while (!heap_.empty()) {
    std::ranges::pop_heap(heap_, std::greater());
    const auto rank = static_cast<uint32_t>(heap_.back() >> 32), at = static_cast<uint32_t>(heap_.back());
    heap_.pop_back();
    Link& left = links_[at];
    if (left.n_symbols == 0 || left.with_next.rank != rank) continue;  // one of the two has changed since
    Link& right = links_[left.after];
    left.id = left.with_next.result;
    left.n_symbols += right.n_symbols;
    right.n_symbols = 0;
    left.after = right.after;
    if (left.after != kNone) links_[left.after].before = at;
    pair_up(at, true);
    if (left.before != kNone) pair_up(left.before, true);
  }
  for (uint32_t i = 0; i != kNone; i = links_[i].after) out.push_back({links_[i].id, links_[i].n_symbols});
}

bool BpeMerger::stay_apart(std::span<const TokenId> symbols, Token left, Token right) {
  merge_all(symbols, pair_tokens_);
  return pair_tokens_.size() == 2 && pair_tokens_[0].n_symbols == left.n_symbols && pair_tokens_[0].id == left.id &&
         pair_tokens_[1].id == right.id;
}

void BpeMerger::merge_long(std::span<const TokenId> symbols, std::vector<TokenId>& ids) {
  std::vector<Token> done;  // the tokens of symbols[0, at)
  size_t at = 0, window = kWindow, step_back = 1;
  while (at < symbols.size()) {
    const auto part = symbols.subspan(at, std::min(window, symbols.size() - at));
    merge_all(part, window_tokens_);
    if (!done.empty()) {
      const Token left = done.back(), right = window_tokens_.front();
      if (!stay_apart(symbols.subspan(at - left.n_symbols, left.n_symbols + right.n_symbols), left, right)) {
        // The window grows faster than the way back, so that the work is a constant times the progress.
        for (size_t i = 0; i < step_back && !done.empty(); ++i) {
          at -= done.back().n_symbols;
          done.pop_back();
        }
        step_back *= 2;
        window = std::min(4 * window, symbols.size());
        continue;
      }
    }
    const bool last = at + part.size() == symbols.size();
    const size_t trusted = last ? part.size() : part.size() - part.size() / 4;
    size_t taken = 0;
    for (const Token& token : window_tokens_) {
      if (taken > 0 && taken + token.n_symbols > trusted) break;
      done.push_back(token);
      taken += token.n_symbols;
    }
    at += taken;
    window = kWindow;
    step_back = 1;
  }
  for (const Token& token : done) ids.push_back(token.id);
}

}  // namespace lode::text

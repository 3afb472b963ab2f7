#include "text/bpe.h"

#include <span>
#include <utility>

#include "text/bpe_merger.h"
#include "text/replace.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

std::vector<TokenId> symbols_without_character(const BpeOptions& options) {
  std::vector<TokenId> ids;
  if (options.byte_pieces) ids.assign(options.byte_pieces->begin(), options.byte_pieces->end());
  if (options.unknown) ids.push_back(*options.unknown);
  return ids;
}

}  // namespace

Bpe::Bpe(const Vocab& vocab, const std::vector<Merges::Merge>& merges, BpeOptions options)
    : options_(std::move(options)), merges_(merges), symbols_(vocab, merges, symbols_without_character(options_)) {
  LODE_CHECK(options_.byte_pieces || options_.unknown);
}

void Bpe::normalize(std::string_view raw, std::string& out) const {
  std::string now(raw), next;
  for (const auto& [from, to] : options_.normalizer) {
    next.clear();
    if (from.empty()) {
      next.append(to).append(now);
    } else {
      next.reserve(now.size() + now.size() / 2);
      append_replaced(now, from, to, next);
    }
    now.swap(next);
  }
  out.append(now);
}

void Bpe::encode(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const {
  if (!options_.metaspace) return encode_domains(normalized, ids);
  std::string mark, marked;
  utf8::append(options_.metaspace->mark, mark);
  append_replaced(normalized, " ", mark, marked);
  const auto prepend = options_.metaspace->prepend;
  const bool wanted = prepend == BpeOptions::Prepend::always || (prepend == BpeOptions::Prepend::first && at_start);
  if (wanted && !marked.starts_with(mark)) marked.insert(0, mark);
  encode_domains(marked, ids);
}

void Bpe::encode_domains(std::string_view text, std::vector<TokenId>& ids) const {
  BpeMerger merger(merges_);
  std::vector<TokenId> domain;
  const auto flush = [&] {
    merger.merge(domain, ids);
    domain.clear();
  };
  const auto push = [&](TokenId symbol) {
    if (!domain.empty() && !symbols_.may_join(domain.back(), symbol)) flush();
    domain.push_back(symbol);
  };
  const char32_t split_at = options_.metaspace && options_.metaspace->split ? options_.metaspace->mark : 0xFFFFFFFF;
  bool after_unknown = false;
  for (size_t at = 0; at < text.size();) {
    const auto [scalar, n_bytes] = utf8::scalar_at(text, at);
    if (scalar == split_at) flush();
    const TokenId symbol = symbols_.id_of(scalar);
    if (symbol >= 0) {
      push(symbol);
    } else if (options_.byte_pieces) {
      for (const char c : text.substr(at, n_bytes)) push((*options_.byte_pieces)[static_cast<unsigned char>(c)]);
    } else if (!(after_unknown && options_.fuse_unknown)) {
      push(*options_.unknown);
    }
    after_unknown = symbol < 0;
    if (scalar == split_at) after_unknown = false;
    at += n_bytes;
  }
  flush();
}

std::string Bpe::description() const {
  return options_.byte_pieces ? "BPE, byte fallback" : "BPE";
}

}  // namespace lode::text

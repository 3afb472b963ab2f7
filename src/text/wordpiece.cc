#include "text/wordpiece.h"

#include <utility>

#include <fmt/format.h>

#include "text/unicode.h"
#include "text/utf8.h"

namespace lode::text {

WordPiece::WordPiece(WordPieceOptions options) : options_(std::move(options)), normalizer_(options_.normalizer) {
  for (char32_t c = 0; c < ascii_.size(); ++c) {
    const auto flags = unicode::flags(c);
    ascii_[c] = (flags & unicode::kSpace) != 0         ? Kind::space
                : (flags & unicode::kPunctuation) != 0 ? Kind::punctuation
                                                       : Kind::letter;
  }
}

Result<std::unique_ptr<WordPiece>> WordPiece::make(const Vocab& vocab, WordPieceOptions options,
                                                   std::string_view what) {
  std::unique_ptr<WordPiece> model(new WordPiece(std::move(options)));
  const std::string& prefix = model->options_.continuation;
  bool fits = true;
  for (TokenId id = 0; id < vocab.size() && fits; ++id) {
    const auto piece = vocab.piece_of(id);
    if (piece.empty()) continue;
    fits = model->first_.insert(piece, id);
    if (piece.size() > prefix.size() && piece.starts_with(prefix)) {
      fits = fits && model->next_.insert(piece.substr(prefix.size()), id);
    }
  }
  if (!fits) return fail(Code::too_large, fmt::format("{}: the pieces take more than 16 MiB", what));
  return model;
}

void WordPiece::normalize(std::string_view raw, std::string& out) const {
  normalizer_.normalize(raw, out);
}

void WordPiece::encode(std::string_view normalized, bool /*at_start*/, std::vector<TokenId>& ids) const {
  size_t start = 0, n_chars = 0;
  const auto flush = [&](size_t end) {
    if (n_chars > 0) encode_word(normalized.substr(start, end - start), n_chars, ids);
    n_chars = 0;
  };
  for (size_t at = 0; at < normalized.size();) {
    const auto byte = static_cast<unsigned char>(normalized[at]);
    size_t n_bytes = 1;
    Kind kind{};
    if (byte < 0x80) {
      kind = ascii_[byte];
    } else {
      const auto scalar = utf8::scalar_at(normalized, at);
      const auto flags = unicode::flags(scalar.value);
      n_bytes = scalar.n_bytes;
      kind = (flags & unicode::kSpace) != 0         ? Kind::space
             : (flags & unicode::kPunctuation) != 0 ? Kind::punctuation
                                                    : Kind::letter;
    }
    if (kind == Kind::letter) {
      if (n_chars++ == 0) start = at;
    } else {
      flush(at);
      if (kind == Kind::punctuation) encode_word(normalized.substr(at, n_bytes), 1, ids);
    }
    at += n_bytes;
  }
  flush(normalized.size());
}

void WordPiece::encode_word(std::string_view word, size_t n_chars, std::vector<TokenId>& ids) const {
  if (n_chars > options_.max_word_chars) {
    ids.push_back(options_.unknown);
    return;
  }
  const size_t before = ids.size();
  for (const ByteTrie* trie = &first_; !word.empty(); trie = &next_) {
    const auto match = trie->longest_prefix(word);
    if (!match) {
      ids.resize(before);
      ids.push_back(options_.unknown);
      return;
    }
    ids.push_back(match->value);
    word.remove_prefix(match->n_bytes);
  }
}

std::string WordPiece::description() const {
  return options_.normalizer.lowercase ? "WordPiece, lower case" : "WordPiece";
}

}  // namespace lode::text

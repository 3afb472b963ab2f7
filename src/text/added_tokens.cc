#include "text/added_tokens.h"

#include <algorithm>

#include <fmt/format.h>

#include "text/unicode.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

bool has(char32_t c, unicode::Flag flag) {
  return (unicode::flags(c) & flag) != 0;
}

bool word_before(std::string_view text, size_t at) {
  return at > 0 && has(utf8::scalar_before(text, at).value, unicode::kWord);
}
bool word_at(std::string_view text, size_t at) {
  return at < text.size() && has(utf8::scalar_at(text, at).value, unicode::kWord);
}

size_t skip_space_back(std::string_view text, size_t at) {
  while (at > 0) {
    const auto scalar = utf8::scalar_before(text, at);
    if (!has(scalar.value, unicode::kSpace)) break;
    at -= scalar.n_bytes;
  }
  return at;
}
size_t skip_space(std::string_view text, size_t at) {
  while (at < text.size()) {
    const auto scalar = utf8::scalar_at(text, at);
    if (!has(scalar.value, unicode::kSpace)) break;
    at += scalar.n_bytes;
  }
  return at;
}

}  // namespace

bool TokenSplitter::add(const AddedToken& token, std::string_view pattern) {
  if (pattern.empty()) return true;
  tokens_.push_back({token.id, token.lstrip, token.rstrip, token.single_word});
  return trie_.insert(pattern, static_cast<int32_t>(tokens_.size() - 1));
}

void TokenSplitter::split(std::string_view text, const std::function<void(const Stretch&)>& visit) const {
  size_t done = 0;
  for (size_t at = 0; at < text.size() && !tokens_.empty();) {
    if (!trie_.starts(static_cast<unsigned char>(text[at]))) {
      ++at;
      continue;
    }
    const auto match = trie_.longest_prefix(text.substr(at));
    if (!match) {
      ++at;
      continue;
    }
    const Flags& token = tokens_[static_cast<size_t>(match->value)];
    size_t start = at, stop = at + match->n_bytes;
    at = stop;  // the search goes on here whatever becomes of the match, as in the reference
    if (token.single_word && (word_before(text, start) || word_at(text, stop))) continue;
    if (token.lstrip) start = std::max(skip_space_back(text, start), done);
    if (token.rstrip) stop = skip_space(text, stop);
    if (done < start) visit({-1, text.substr(done, start - done), done});
    visit({token.id, text.substr(start, stop - start), start});
    done = stop;
  }
  if (done < text.size()) visit({-1, text.substr(done), done});
}

Result<AddedTokens> AddedTokens::make(const std::vector<AddedToken>& tokens, const SegmentModel& model,
                                      std::string_view what) {
  AddedTokens added;
  for (const AddedToken& token : tokens) {
    bool fits = true;
    if (token.normalized) {
      std::string pattern;
      model.normalize(token.content, pattern);
      fits = added.in_normalized_.add(token, pattern);
    } else {
      fits = added.in_raw_.add(token, token.content);
    }
    if (!fits) return fail(Code::too_large, fmt::format("{}: the added tokens take more than 16 MiB", what));
    if (token.special) added.special_.insert(token.id);
  }
  return added;
}

}  // namespace lode::text

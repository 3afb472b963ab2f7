// Words of source code, and of texts about it, to terms. An identifier counts as a whole and by its parts, so that
// getQuerySet is found by get_queryset, by "query set" and by itself. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lode::index {

// A Lexicon::Analyze: the identifiers of a word as WordReader cuts it (`np.array` has two). One of several parts
// (HTTPServer, read_all) gives itself in lower case and each part; a part is in lower case and stemmed, stop words and
// single characters are dropped.
void code_terms(std::string_view word, std::vector<std::string>& terms);

// The parts of an identifier as it is written: at `_`, before a capital after a small letter, before the last capital
// of several. Digits stay with what is before them.
std::vector<std::string_view> identifier_parts(std::string_view identifier);

}  // namespace lode::index

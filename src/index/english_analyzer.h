// Words to terms as Lucene's EnglishAnalyzer makes them, which Pyserini's and BEIR's BM25 run on: cut by WordReader,
// "'s" taken off, lower case, 33 stop words dropped, Porter stems. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>

namespace lode::index {

// The term of a word; empty: a stop word.
std::string english_term(std::string_view word);

}  // namespace lode::index

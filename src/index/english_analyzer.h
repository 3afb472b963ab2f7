// Words to terms as Lucene's EnglishAnalyzer makes them, which Pyserini's and BEIR's BM25 run on: cut by WordReader,
// "'s" taken off, lower case, 33 stop words dropped, Porter stems. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lode::index {

// The term of a word; empty: a stop word.
std::string english_term(std::string_view word);
// The same as a Lexicon::Analyze.
void english_terms(std::string_view word, std::vector<std::string>& terms);

// In lower case, as Unicode's simple and special casing has it. `word` is valid UTF-8.
std::string lower_case(std::string_view word);
bool is_stop_word(std::string_view lower_case);

}  // namespace lode::index

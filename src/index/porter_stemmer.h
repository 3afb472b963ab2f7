// M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980, with the two departures of its author's later
// code (-bli for -abli, -logi), as Lucene's PorterStemFilter runs it. Anything but a, e, i, o, u and some y is a
// consonant, digits and other scripts too. Pure; any thread.
#pragma once

#include <string>

namespace lode::index {

// `word` in lower case becomes its stem. Words of up to two bytes stay as they are.
void porter_stem(std::string& word);

}  // namespace lode::index

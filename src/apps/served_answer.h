// Asks a running server what a search of this process would find: the same hits, to the byte. Whatever stands in the
// way (nobody answers, a key that is missing, a limit, another version) is no error: the command searches by itself.
// One thread.
#pragma once

#include <cstddef>
#include <optional>

#include "apps/served_note.h"
#include "search/query.h"

namespace lode::apps {

struct ServedAnswer {
  search::SearchResult result;
  size_t n_files = 0;
  size_t n_chunks = 0;
};

// The key is LODE_API_KEY's, if there is one.
std::optional<ServedAnswer> ask_server(const ServedNote& note, const search::SearchQuery& query, bool quiet);

}  // namespace lode::apps

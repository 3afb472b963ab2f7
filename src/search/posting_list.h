// A term's postings as bytes: for each, by text, the distance from the one before it, doubled, plus one where the count
// is 1; else the count follows. Texts may repeat. Stateless; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "index/postings.h"

namespace lode::search {

// `previous`: the text of the posting before, 0 at first; posting.text is not smaller.
void put_posting(std::string& out, index::TextId previous, index::Posting posting);

// Appends to `out`; false, with `out` as it was, for bytes that are no list of texts below n_texts.
bool read_postings(std::string_view bytes, uint32_t n_texts, std::vector<index::Posting>& out);

}  // namespace lode::search

#include "search/posting_list.h"

#include "search/blob.h"

namespace lode::search {

void put_posting(std::string& out, index::TextId previous, index::Posting posting) {
  put_varint(out, uint64_t{posting.text - previous} << 1 | uint64_t{posting.n == 1});
  if (posting.n != 1) put_varint(out, posting.n);
}

bool read_postings(std::string_view bytes, uint32_t n_texts, std::vector<index::Posting>& out) {
  const size_t before = out.size();
  BlobReader reader(bytes);
  uint64_t text = 0;
  while (!reader.at_end()) {
    const uint64_t coded = reader.varint();
    text += coded >> 1;
    const uint32_t n = (coded & 1) != 0 ? 1 : reader.number();
    // What comes behind is not looked at: the sum cannot overflow.
    if (text >= n_texts || !reader.ok()) {
      out.resize(before);
      return false;
    }
    out.push_back({static_cast<index::TextId>(text), n});
  }
  return true;
}

}  // namespace lode::search

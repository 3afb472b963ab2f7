// What an index's tables hold, written by anybody: whatever the bytes, every decoder refuses them or reads them. The
// first byte says whether the rest gets a right check value, so that what lies behind the check is reached too.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "search/blob.h"
#include "search/ignore_rules.h"
#include "search/outline_blob.h"
#include "search/packed_text.h"
#include "search/posting_list.h"
#include "search/segment_table.h"
#include "search/term_block.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr uint32_t kTexts = 1000;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string bytes = (data[0] & 1) != 0 ? lode::search::sealed(rest) : std::string(rest);
  std::vector<lode::index::Posting> postings;
  if (lode::search::read_postings(bytes, kTexts, postings)) {
    std::string again;
    lode::index::TextId previous = 0;
    for (const auto& posting : postings) {
      if (posting.text < previous || posting.text >= kTexts) std::abort();
      lode::search::put_posting(again, previous, posting);
      previous = posting.text;
    }
    std::vector<lode::index::Posting> reread;
    if (!lode::search::read_postings(again, kTexts, reread) || reread.size() != postings.size()) std::abort();
  }
  lode::search::BlockReader block(bytes);
  std::string last;
  for (bool first = true; const auto entry = block.next(); first = false) {
    if (!first && entry->term <= last) std::abort();
    last = entry->term;
  }
  if (const auto table = lode::search::unpack_table(bytes)) {
    if (!lode::search::unpack_table(lode::search::pack_table(*table))) std::abort();
  }
  if (const auto contents = lode::search::unpack_contents(bytes)) {
    if (*lode::search::unpack_contents(lode::search::pack_contents(*contents)) != *contents) std::abort();
  }
  if (const auto outline = lode::search::unpack_outline(bytes, kTexts)) {
    for (const auto& chunk : outline->chunks) {
      if (chunk.end > kTexts || chunk.symbol >= static_cast<int64_t>(outline->symbols.size())) std::abort();
    }
  }
  static_cast<void>(lode::search::unpack(bytes, kTexts));

  // And the patterns of a stranger's .gitignore, with the rest as a path.
  const size_t cut = rest.size() / 2;
  lode::search::IgnoreRules rules;
  rules.add("", rest.substr(0, cut));
  static_cast<void>(rules.verdict(rest.substr(cut), (data[0] & 2) != 0));
  return 0;
}

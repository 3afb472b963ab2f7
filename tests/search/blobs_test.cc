// What the index's tables hold, to bytes and back; and bytes that are none of it.
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "search/blob.h"
#include "search/outline_blob.h"
#include "search/packed_text.h"
#include "search/posting_list.h"
#include "search/segment_table.h"
#include "search/term_block.h"

namespace lode::search {
namespace {

// Every way in, of bytes that anybody may have written.
void read_anything(std::string_view bytes) {
  std::vector<index::Posting> postings;
  static_cast<void>(read_postings(bytes, 1000, postings));
  for (const index::Posting& posting : postings) RC_ASSERT(posting.text < 1000);
  BlockReader block(bytes);
  while (block.next()) {
  }
  static_cast<void>(unpack_table(bytes));
  static_cast<void>(unpack_contents(bytes));
  static_cast<void>(unpack_outline(bytes, 1000));
  static_cast<void>(unpack(bytes, 1000));
}

RC_GTEST_PROP(Blobs, OfAnyBytesAreRefusedOrRead, (const std::string& bytes)) {
  read_anything(bytes);
  read_anything(sealed(bytes));  // past the check value
}

RC_GTEST_PROP(Varint, ComesBack, (const std::vector<uint64_t>& values)) {
  std::string bytes;
  for (const uint64_t value : values) put_varint(bytes, value);
  BlobReader reader(bytes);
  for (const uint64_t value : values) RC_ASSERT(reader.varint() == value);
  RC_ASSERT(reader.done());
  RC_ASSERT(reader.varint() == 0u && !reader.ok());
}

TEST(Varint, OfMoreThan64BitsIsRefused) {
  BlobReader reader(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10));
  EXPECT_EQ(reader.varint(), 0u);
  EXPECT_FALSE(reader.ok());
}

RC_GTEST_PROP(PostingList, ComesBackAndRefusesTextsThatAreNotThere, ()) {
  const auto steps = *rc::gen::container<std::vector<std::pair<uint16_t, uint8_t>>>(
      rc::gen::pair(rc::gen::arbitrary<uint16_t>(), rc::gen::arbitrary<uint8_t>()));
  std::vector<index::Posting> postings;
  std::string bytes;
  uint32_t text = 0;
  for (const auto& [step, n] : steps) {
    put_posting(bytes, text, {text + step, n});
    text += step;
    postings.push_back({text, n});
  }
  std::vector<index::Posting> read;
  RC_ASSERT(read_postings(bytes, text + 1, read));
  RC_ASSERT(read.size() == postings.size());
  for (size_t i = 0; i < read.size(); ++i) RC_ASSERT(read[i].text == postings[i].text && read[i].n == postings[i].n);
  read.clear();
  if (!postings.empty()) RC_ASSERT(!read_postings(bytes, text, read) && read.empty());
}

RC_GTEST_PROP(TermBlocks, HoldADictionaryInOrder, ()) {
  const auto terms = *rc::gen::container<std::map<std::string, std::string>>(
      rc::gen::string<std::string>(),
      rc::gen::mapcat(rc::gen::weightedElement<size_t>({{20, 4}, {1, 5000}}),
                      [](size_t n) { return rc::gen::container<std::string>(n, rc::gen::arbitrary<char>()); }));
  std::vector<std::pair<std::string, std::string>> blocks;
  BlockWriter writer([&](std::string_view first, std::string_view block) { blocks.emplace_back(first, block); });
  for (const auto& [term, list] : terms) writer.add(term, list);
  writer.finish();
  std::map<std::string, std::string> read;
  std::string last;
  for (const auto& [first, bytes] : blocks) {
    BlockReader block(bytes);
    bool is_first = true;
    size_t n = 0;
    while (const auto entry = block.next()) {
      if (is_first) RC_ASSERT(entry->term == first);
      is_first = false;
      read.emplace(entry->term, entry->list);
      ++n;
    }
    RC_ASSERT(block.ok());
    RC_ASSERT(bytes.size() <= kBlockBytes + 16 || n == 1u);
  }
  RC_ASSERT(read == terms);
}

TEST(TermBlocks, TellDamageByTheirCheckValue) {
  std::string bytes;
  BlockWriter writer([&](std::string_view, std::string_view block) { bytes = block; });
  writer.add("apple", "1");
  writer.add("apply", "2");
  writer.finish();
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    BlockReader block(damaged);
    EXPECT_FALSE(block.next().has_value()) << i;
    EXPECT_FALSE(block.ok()) << i;
  }
}

TEST(SegmentTable, ComesBack) {
  const SegmentTable table{.contents = {{3, 2, 1, 90}, {4, 0, 0, 1}, {900, 1, 7, 8}}, .lengths = {10, 200, 3}};
  const auto read = unpack_table(pack_table(table));
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(read->contents, table.contents);
  EXPECT_EQ(read->lengths, table.lengths);
  EXPECT_EQ(unpack_table(pack_table({.contents = {{3, 2, 1, 9}}, .lengths = {1}})).error().code, Code::corrupt);
  EXPECT_EQ(*unpack_contents(pack_contents({1, 2, 70000})), (std::vector<ContentId>{1, 2, 70000}));
}

TEST(Outline, ComesBackAndRefusesWhatLiesBeyondTheText) {
  index::Document document;
  document.chunks = {{0, 40, 1, 3, 0}, {40, 90, 4, 9, -1}};
  document.symbols = {{"Class", code::SymbolKind::class_, 0, 90, 6, 1, 9, -1},
                      {"method", code::SymbolKind::method, 10, 40, 14, 2, 3, 0, "a.Holder"}};
  const std::string packed = pack_outline(document);
  const auto read = unpack_outline(packed, 90);
  ASSERT_TRUE(read) << read.error().line();
  ASSERT_EQ(read->chunks.size(), 2u);
  EXPECT_EQ(read->chunks[1].first_line, 4u);
  EXPECT_EQ(read->chunks[1].end, 90u);
  EXPECT_EQ(read->chunks[1].symbol, -1);
  ASSERT_EQ(read->symbols.size(), 2u);
  EXPECT_EQ(read->symbols[1].name, "method");
  EXPECT_EQ(read->symbols[1].kind, code::SymbolKind::method);
  EXPECT_EQ(read->symbols[1].name_at, 14u);
  EXPECT_EQ(read->symbols[1].end_line, 3u);
  EXPECT_EQ(read->symbols[1].parent, 0);
  EXPECT_EQ(read->symbols[0].scope, "");
  EXPECT_EQ(read->symbols[1].scope, "a.Holder");
  EXPECT_EQ(unpack_outline(packed, 89).error().code, Code::corrupt);
  document.chunks[0].symbol = 2;
  EXPECT_EQ(unpack_outline(pack_outline(document), 90).error().code, Code::corrupt);
  document.chunks[0].symbol = 0;
  document.symbols[1].parent = 1;
  EXPECT_EQ(unpack_outline(pack_outline(document), 90).error().code, Code::corrupt);
}

TEST(PackedText, ComesBackAndTellsDamage) {
  const std::string text(5000, 'a');
  std::string packed = pack(text);
  EXPECT_LT(packed.size(), 100u);
  EXPECT_EQ(*unpack(packed, text.size()), text);
  EXPECT_EQ(unpack(packed, text.size() + 1).error().code, Code::corrupt);
  packed.back() = static_cast<char>(packed.back() ^ 1);
  EXPECT_EQ(unpack(packed, text.size()).error().code, Code::corrupt);
  EXPECT_EQ(*unpack(pack(""), 0), "");
}

}  // namespace
}  // namespace lode::search

#include "index/document.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "index/code_terms.h"

namespace lode::index {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string function(const std::string& name, int n_lines) {
  std::string out = "def " + name + "(x):\n";
  for (int i = 0; i < n_lines; ++i) out += "    x = " + name + "(x, " + std::to_string(i) + ")\n";
  return out + "\n";
}

bool built_with_grammars() {
  return !read_document("a.py", "def f():\n    pass\n").symbols.empty();
}

RC_GTEST_PROP(Document, ChunksTileTheTextInWholeLines, ()) {
  const auto lines = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "def f():", "class A:", "    x = 1", "", "\tif y:", "  \"\"\"", "# heading", "((("));
  const std::string path = *rc::gen::element<std::string>("a.py", "a.cc", "a.md", "a.txt", "a.ts");
  std::string text;
  for (const std::string& line : lines) text += line + (*rc::gen::inRange(0, 9) == 0 ? "\r\n" : "\n");
  if (!text.empty() && *rc::gen::arbitrary<bool>()) text.pop_back();
  const Document document = read_document(path, text, {.min_bytes = 20, .max_bytes = 60});
  uint32_t at = 0, line = 1;
  for (const Chunk& chunk : document.chunks) {
    RC_ASSERT(chunk.begin == at && chunk.end > chunk.begin);
    const bool begins_a_line = chunk.begin == 0 || text[chunk.begin - 1] == '\n';  // RC_ASSERT evaluates both sides
    RC_ASSERT(begins_a_line);
    RC_ASSERT(chunk.first_line == line && chunk.last_line >= chunk.first_line);
    RC_ASSERT(chunk.symbol < static_cast<int32_t>(document.symbols.size()));
    at = chunk.end;
    line += static_cast<uint32_t>(std::count(text.begin() + chunk.begin, text.begin() + chunk.end, '\n'));
  }
  RC_ASSERT(at == text.size());
}

TEST(Document, AChunkIsADefinition) {
  if (!built_with_grammars()) GTEST_SKIP() << "built without grammars: run tools/grammars and configure again";
  const std::string text = function("first", 20) + function("second", 20) + function("a", 1) + function("b", 1);
  const Document document = read_document("src/x.py", text);
  ASSERT_EQ(document.chunks.size(), 3U) << "the two small ones are one";
  for (size_t i = 0; i < 2; ++i) {
    const Chunk& chunk = document.chunks[i];
    EXPECT_EQ(chunk.symbol, static_cast<int32_t>(i));
    EXPECT_THAT(text.substr(chunk.begin, chunk.end - chunk.begin), StartsWith(i == 0 ? "def first" : "def second"));
  }
}

TEST(Document, AChunksTextSaysWhereItStands) {
  if (!built_with_grammars()) GTEST_SKIP() << "built without grammars: run tools/grammars and configure again";
  std::string text = "class Reader:\n";
  for (const char* name : {"one", "two"}) {
    text += std::string("    def ") + name + "(self):\n";
    for (int i = 0; i < 40; ++i) text += "        self.value = self.value + " + std::to_string(i) + "\n";
  }
  const Document document = read_document("src/x.py", text);
  ASSERT_GE(document.chunks.size(), 3U);
  EXPECT_THAT(chunk_text("src/x.py", text, document, document.chunks.back()), StartsWith("src/x.py Reader.two\n"));
  EXPECT_THAT(chunk_text("src/\xff.py", text, document, document.chunks[0]), HasSubstr("\xEF\xBF\xBD"));
}

TEST(Document, DefinedNamesAreTermsOfTheirOwn) {
  if (!built_with_grammars()) GTEST_SKIP() << "built without grammars: run tools/grammars and configure again";
  constexpr std::string_view kText = "def read_all(path):\n    return path\n";
  const Document document = read_document("x.py", kText);
  Lexicon lexicon(&code_terms);
  const std::vector<Counts> counts = count_chunks(kText, document, lexicon);
  ASSERT_EQ(counts.size(), 1U);
  const auto n_of = [&](std::string_view term) {
    for (const TermCount& count : counts[0].terms) {
      if (lexicon.term(count.term) == term) return count.n;
    }
    return 0U;
  };
  EXPECT_EQ(n_of("path"), 2U);
  EXPECT_EQ(n_of("=read_all"), 1U);
  EXPECT_EQ(n_of("=read"), 1U);
  EXPECT_EQ(n_of("=path"), 0U);
  EXPECT_EQ(counts[0].length, 7U) << "def, read_all, read, all, path, return, path; what is defined adds nothing";
}

}  // namespace
}  // namespace lode::index

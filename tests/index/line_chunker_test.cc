// Cutting files into chunks: nothing is lost, sizes hold, edges stay where they are when something else changes.
#include "index/line_chunker.h"

#include <algorithm>
#include <random>
#include <rapidcheck.h>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace lode::index {
namespace {

std::string joined(const std::vector<std::string_view>& chunks) {
  std::string out;
  for (const std::string_view chunk : chunks) out += chunk;
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    out.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return out;
}

// A module of classes and functions of random sizes, about n_lines long.
std::string module(unsigned seed, int n_lines) {
  std::mt19937 random(seed);
  const auto below = [&](unsigned n) { return random() % n; };
  std::string out = "\"\"\"A module.\"\"\"\nimport os\n";
  for (int line = 2; line < n_lines;) {
    const bool method = below(3) != 0;
    const std::string indent = method ? "    " : "";
    if (!method && below(2) == 0) out += "\n\nclass Name" + std::to_string(below(100000)) + ":\n";
    out += "\n" + indent + "def name_" + std::to_string(below(100000)) + "(self, x):\n";
    line += 3;
    for (unsigned i = below(30) + 1; i > 0; --i, ++line) {
      if (below(9) == 0) out += "\n";
      out += indent + "    " + (below(4) == 0 ? "    " : "") + "value_" + std::to_string(below(5000)) + " = x + 1\n";
    }
  }
  return out;
}

void check_plain_chunks() {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(
      rc::gen::element<std::string>("", "a = 1", "    b", "\t\tc", ")", "}", "def f():", "\r", "x",
                                    std::string(60, 'y'), "\xC3\xA4\xC3\xB6", "@property"));
  std::string text;
  for (const std::string& piece : pieces) text += piece + (*rc::gen::inRange(0, 8) == 0 ? "" : "\n");
  const size_t max_bytes = *rc::gen::inRange<size_t>(1, 200);
  const auto chunks = line_chunks(text, {.max_bytes = max_bytes});
  RC_ASSERT(joined(chunks) == text);
  for (size_t i = 0; i < chunks.size(); ++i) {
    RC_ASSERT(!chunks[i].empty());
    RC_ASSERT(i + 1 == chunks.size() || chunks[i].ends_with('\n'));
    RC_ASSERT(chunks[i].size() <= max_bytes || lines_of(chunks[i]).size() == 1);
  }
}

TEST(LineChunks, AreTheTextInWholeLinesOfLimitedSize) {
  EXPECT_TRUE(rc::check(check_plain_chunks));
}

void check_overlap() {
  const std::string text = module(*rc::gen::inRange(0U, 1000U), 200);
  const size_t overlap = *rc::gen::inRange<size_t>(0, 300);
  const auto plain = line_chunks(text, {.max_bytes = 400});
  const auto chunks = line_chunks(text, {.max_bytes = 400, .overlap_bytes = overlap});
  RC_ASSERT(chunks.size() == plain.size());
  for (size_t i = 0; i < chunks.size(); ++i) {
    RC_ASSERT(chunks[i].ends_with(plain[i]));
    const size_t repeated = chunks[i].size() - plain[i].size();
    RC_ASSERT(repeated <= overlap);
    const auto begin = static_cast<size_t>(chunks[i].data() - text.data());
    if (begin == 0) continue;
    RC_ASSERT(text[begin - 1] == '\n');
    // One line more would have been too much.
    const size_t line_before = text.rfind('\n', begin - 2) == std::string::npos ? 0 : text.rfind('\n', begin - 2) + 1;
    RC_ASSERT(repeated + begin - line_before > overlap);
  }
}

TEST(LineChunks, RepeatNoMoreThanTheOverlapInWholeLines) {
  EXPECT_TRUE(rc::check(check_overlap));
}

TEST(LineChunks, AnInsertedLineChangesOnlyTheChunksAroundIt) {
  int64_t n_new = 0, n_edits = 0;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::string text = module(seed, 1500);
    const auto before = line_chunks(text, {});
    ASSERT_GT(before.size(), 40U);
    const std::set<std::string_view> known(before.begin(), before.end());
    const std::vector<std::string> lines = lines_of(text);
    for (size_t at = 0; at <= lines.size(); at += 137, ++n_edits) {
      std::string changed;
      for (size_t i = 0; i < at; ++i) changed += lines[i];
      changed += "        inserted = True\n";
      for (size_t i = at; i < lines.size(); ++i) changed += lines[i];
      const auto after = line_chunks(changed, {});
      const auto n = std::ranges::count_if(after, [&](std::string_view chunk) { return !known.contains(chunk); });
      EXPECT_GE(n, 1);
      EXPECT_LE(n, 6) << "seed " << seed << ", line " << at;
      n_new += n;
    }
  }
  EXPECT_LT(static_cast<double>(n_new) / static_cast<double>(n_edits), 1.5);
}

TEST(LineChunks, BeginWhereAFunctionBegins) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += "def function_" + std::to_string(i * 7919 % 1000) + "():\n";
    for (int j = 0; j < 8; ++j) text += "    statement_" + std::to_string(j) + "()\n";
    text += "\n\n";
  }
  const auto chunks = line_chunks(text, {});
  EXPECT_GT(chunks.size(), 5U);
  for (const std::string_view chunk : chunks) EXPECT_TRUE(chunk.starts_with("def ")) << chunk;
}

TEST(LineChunks, LinesThatLookAllAlikeFillTheirChunks) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "0, 0, 0,\n";
  const auto chunks = line_chunks(text, {.max_bytes = 100});
  EXPECT_EQ(joined(chunks), text);
  EXPECT_LE(chunks.size(), 500U / 11 + 1);
  EXPECT_TRUE(line_chunks("", {}).empty());
}

}  // namespace
}  // namespace lode::index

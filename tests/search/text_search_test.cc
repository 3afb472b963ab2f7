// Exact texts and regular expressions, in files of either line end.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "indexed_folder.h"
#include "search/searcher.h"
#include "search/text_grams.h"

namespace lode::search {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TextSearchTest : public ::testing::Test {
 protected:
  TextSearchTest() {
    const std::string lines =
        "class Shop:\n    def fn():\n        total = 1 \n\n    def other():\n        return fn():\n";
    std::string with_cr;
    for (const char c : lines) with_cr += c == '\n' ? "\r\n" : std::string(1, c);
    folder_.write("top/crlf.py", with_cr);
    folder_.write("top/lf.py", lines);
    folder_.write("top/mixed.txt", "fn():\r\nfn():\nfn():\r\r\nfn():\r");
    EXPECT_TRUE(test::update(folder_.path() / "top", folder_.path() / "index"));
    auto opened = Searcher::open(folder_.path() / "index", test::root_of(folder_.path() / "top"));
    EXPECT_TRUE(opened);
    searcher_ = *std::move(opened);
  }
  // "PATH:LINE SYMBOL" of each hit, or the error.
  std::vector<std::string> found(const std::string& text, Mode mode = Mode::regex) const {
    SearchQuery query;
    query.text = text;
    query.mode = mode;
    query.n_hits = 100;
    const auto result = searcher_->search(query);
    if (!result) return {result.error().line()};
    std::vector<std::string> out;
    for (const Hit& hit : result->hits) {
      out.push_back(fmt::format("{}:{} {}", hit.path, hit.first_line, hit.symbol));
    }
    return out;
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<Searcher> searcher_;
};

TEST_F(TextSearchTest, TheEndOfALineStandsBeforeEitherLineEnd) {
  EXPECT_THAT(found(R"(fn\(\):$)"), ElementsAre("crlf.py:2 Shop.fn", "crlf.py:6 Shop.other", "lf.py:2 Shop.fn",
                                                "lf.py:6 Shop.other", "mixed.txt:1 ", "mixed.txt:2 "));
  EXPECT_THAT(found("^$"), ElementsAre("crlf.py:4 Shop", "lf.py:4 Shop"));
  EXPECT_THAT(found(R"(\s$)"), ElementsAre("crlf.py:3 Shop", "lf.py:3 Shop", "mixed.txt:3 ", "mixed.txt:4 "));
}

TEST_F(TextSearchTest, AnExpressionMayAskForTheCarriageReturn) {
  for (const std::string expression : {R"(fn\(\):\r$)", R"(fn\(\):\x0d$)", R"(fn\(\):\x{D}$)", "fn\\(\\):\r$"}) {
    EXPECT_THAT(found(expression),
                ElementsAre("crlf.py:2 Shop.fn", "crlf.py:6 Shop.other", "mixed.txt:1 ", "mixed.txt:4 "))
        << expression;
  }
  EXPECT_THAT(found(R"(fn\(\):$|\\root)"), ::testing::SizeIs(6)) << "a backslash and an r are none";
}

TEST_F(TextSearchTest, ExactTextsAreBytesAlsoWhereGramsAreRemembered) {
  searcher_->share_grams(std::make_shared<KnownGrams>());
  for (int round = 0; round < 2; ++round) {  // the second one by what the first has learnt
    EXPECT_THAT(found("def other():\r\n", Mode::exact), ElementsAre("crlf.py:5 Shop.other"));
    EXPECT_THAT(found("def other():\n", Mode::exact), ElementsAre("lf.py:5 Shop.other"));
    EXPECT_THAT(found("other():$", Mode::exact), IsEmpty());
    EXPECT_THAT(found(R"(def other\(\):$)"), ElementsAre("crlf.py:5 Shop.other", "lf.py:5 Shop.other"));
  }
}

}  // namespace
}  // namespace lode::search

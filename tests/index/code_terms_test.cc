#include "index/code_terms.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "index/aside.h"

namespace lode::index {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> terms_of_word(std::string_view word) {
  std::vector<std::string> out;
  code_terms(word, out);
  return out;
}

TEST(CodeTerms, AnIdentifierCountsAsAWholeAndByItsParts) {
  EXPECT_THAT(terms_of_word("get_queryset"), ElementsAre("get_queryset", "get", "queryset"));
  EXPECT_THAT(terms_of_word("getQuerySet"), ElementsAre("getqueryset", "get", "queri", "set"));
  EXPECT_THAT(terms_of_word("HTTPServer"), ElementsAre("httpserver", "http", "server"));
  EXPECT_THAT(terms_of_word("Base64Encoder"), ElementsAre("base64encoder", "base64", "encod"));
  EXPECT_THAT(terms_of_word("__init__"), ElementsAre("init"));
  EXPECT_THAT(terms_of_word("np.array"), ElementsAre("np", "arrai")) << "two identifiers, not one";
}

TEST(CodeTerms, AWordIsItsStem) {
  EXPECT_THAT(terms_of_word("Running"), ElementsAre("run"));
  EXPECT_THAT(terms_of_word("the"), IsEmpty());
  EXPECT_THAT(terms_of_word("x"), IsEmpty());
  EXPECT_THAT(terms_of_word("_"), IsEmpty());
  EXPECT_THAT(terms_of_word(""), IsEmpty());
}

TEST(CodeTerms, PartsAreCutAsTheyAreWritten) {
  EXPECT_THAT(identifier_parts("XMLHttpRequest2_url"), ElementsAre("XML", "Http", "Request2", "url"));
  EXPECT_THAT(identifier_parts("already"), ElementsAre("already"));
  EXPECT_THAT(identifier_parts("___"), IsEmpty());
}

TEST(Aside, IsKnownByThePath) {
  EXPECT_EQ(aside_word("tests/unit/x.py"), "test");
  EXPECT_EQ(aside_word("pkg/__tests__/x.ts"), "test");
  EXPECT_EQ(aside_word("src/test_parser.py"), "test");
  EXPECT_EQ(aside_word("pkg/parser_test.go"), "test");
  EXPECT_EQ(aside_word("web/app.spec.ts"), "spec");
  EXPECT_EQ(aside_word("pip/_vendor/six.py"), "vendor");
  EXPECT_EQ(aside_word("docs/conf.py"), "doc");
  EXPECT_EQ(aside_word("setup.py"), "setup.py");
  EXPECT_EQ(aside_word("src/testimony.py"), "");
  EXPECT_EQ(aside_word("src/latest.py"), "");
  EXPECT_EQ(aside_word("test.py"), "");
  EXPECT_EQ(aside_word(""), "");
}

}  // namespace
}  // namespace lode::index

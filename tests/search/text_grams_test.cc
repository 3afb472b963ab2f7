// What is remembered of texts never hides one that holds what is looked for.
#include "search/text_grams.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace lode::search {
namespace {

RC_GTEST_PROP(TextGrams, EveryPieceOfATextMayBeInIt, (const std::string& text)) {
  const TextGrams grams(text);
  const size_t begin = *rc::gen::inRange<size_t>(0, text.size() + 1);
  const size_t n = *rc::gen::inRange<size_t>(0, text.size() - begin + 1);
  const std::string piece = text.substr(begin, n);
  RC_ASSERT(grams.may_have(grams_of_text(piece, false)));
  RC_ASSERT(grams.may_have(grams_of_text(piece, true)));
}

TEST(TextGrams, WhatLacksIsTold) {
  const TextGrams grams("def add_filter(self, name):\n    return self.filters[name]\n");
  EXPECT_TRUE(grams.may_have(grams_of_text("add_filter", false)));
  EXPECT_FALSE(grams.may_have(grams_of_text("remove_filter", false)));
  EXPECT_FALSE(grams.may_have(grams_of_text("REMOVE_FILTER", true)));
  EXPECT_TRUE(grams.may_have(grams_of_text("ADD_FILTER", true)));
  // Too short to tell anything.
  EXPECT_TRUE(grams_of_text("xyz", false).empty());
  EXPECT_TRUE(grams.may_have({}));
}

TEST(TextGrams, LettersWithKinBeyondAsciiTellNothingInAnyCase) {
  // The sign of Kelvin is a k, the long s an s.
  const TextGrams grams(
      "\xE2\x84\xAA"
      "elvin, Me\xC5\xBF"
      "\xC5\xBF"
      "er");
  EXPECT_TRUE(grams.may_have(grams_of_text("kelvin", true)));
  EXPECT_TRUE(grams.may_have(grams_of_text("messer", true)));
  EXPECT_FALSE(grams.may_have(grams_of_text("kelvin", false)));
}

TEST(KnownGrams, AreSharedAndForgottenWithTheirContents) {
  const auto known = std::make_shared<KnownGrams>();
  const ContentHash a = content_hash("a"), b = content_hash("b");
  GramsOfTree first(known, {a, b}), second(known, {b});
  first.learn(1, "some text");
  EXPECT_EQ(second.find(0), nullptr);
  second.refresh();
  ASSERT_NE(second.find(0), nullptr);
  EXPECT_TRUE(second.find(0)->may_have(grams_of_text("some", false)));
  EXPECT_EQ(known->take(std::vector<ContentHash>{a}).front(), nullptr);
  EXPECT_EQ(known->take(std::vector<ContentHash>{b}).front(), nullptr);
}

}  // namespace
}  // namespace lode::search

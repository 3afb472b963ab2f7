// Words, stems and terms as Lucene's English analysis makes them.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "index/english_analyzer.h"
#include "index/porter_stemmer.h"
#include "index/word_break.h"

namespace lode::index {
namespace {

using Words = std::vector<std::string>;

Words words_of(std::string_view text) {
  Words out;
  WordReader reader(text);
  for (std::string_view word = reader.next(); !word.empty(); word = reader.next()) out.emplace_back(word);
  return out;
}

std::string stem_of(std::string word) {
  porter_stem(word);
  return word;
}

TEST(WordBreak, CutsAtSpaceAndPunctuation) {
  EXPECT_EQ(words_of("Hello, world! (x) -1"), (Words{"Hello", "world", "x", "1"}));
  EXPECT_EQ(words_of(""), Words{});
  EXPECT_EQ(words_of(" ... -- !? "), Words{});
}

TEST(WordBreak, IdentifiersStayWhole) {
  EXPECT_EQ(words_of("np.array(my_var)"), (Words{"np.array", "my_var"}));
  EXPECT_EQ(words_of("__init__ _ __"), Words{"__init__"});
  EXPECT_EQ(words_of("utf8 v1 2to3"), (Words{"utf8", "v1", "2to3"}));
  EXPECT_EQ(words_of("a_.b"), (Words{"a_", "b"})) << "a dot holds letters together, nothing else";
}

TEST(WordBreak, MarksBetweenLettersOrDigits) {
  EXPECT_EQ(words_of("can't won''t"), (Words{"can't", "won", "t"}));
  EXPECT_EQ(words_of("3.14 1,000 1;2 a,b a;b a:b 1:2"),
            (Words{"3.14", "1,000", "1;2", "a", "b", "a", "b", "a:b", "1", "2"}));
  EXPECT_EQ(words_of("a.1 1.a end. .start a.b."), (Words{"a", "1", "1", "a", "end", "start", "a.b"}));
}

TEST(WordBreak, OtherScripts) {
  EXPECT_EQ(words_of("na\u00efve \u00c9t\u00e9"), (Words{"na\u00efve", "\u00c9t\u00e9"}));
  EXPECT_EQ(words_of("e\u0301te\u0301"), Words{"e\u0301te\u0301"}) << "marks stay on their letters";
  EXPECT_EQ(words_of("\u6771\u4eac"), (Words{"\u6771", "\u4eac"}));
  EXPECT_EQ(words_of("\u30ab\u30bf\u30ab\u30ca"), Words{"\u30ab\u30bf\u30ab\u30ca"});
  EXPECT_EQ(words_of("\u0440\u0443\u0441\u0441\u043a\u0438\u0439 \u20ac5"),
            (Words{"\u0440\u0443\u0441\u0441\u043a\u0438\u0439", "5"}));
}

TEST(WordBreak, LongWordsAreCut) {
  const Words words = words_of(std::string(600, 'a'));
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0].size(), WordReader::kMaxBytes);
  EXPECT_EQ(words[2].size(), 600 - 2 * WordReader::kMaxBytes);
}

TEST(PorterStemmer, StemsThePapersExamples) {
  const std::vector<std::pair<std::string, std::string>> examples = {{"caresses", "caress"},
                                                                     {"ponies", "poni"},
                                                                     {"ties", "ti"},
                                                                     {"caress", "caress"},
                                                                     {"cats", "cat"},
                                                                     {"feed", "feed"},
                                                                     {"agreed", "agre"},
                                                                     {"plastered", "plaster"},
                                                                     {"bled", "bled"},
                                                                     {"motoring", "motor"},
                                                                     {"sing", "sing"},
                                                                     {"conflated", "conflat"},
                                                                     {"troubled", "troubl"},
                                                                     {"sized", "size"},
                                                                     {"hopping", "hop"},
                                                                     {"tanned", "tan"},
                                                                     {"falling", "fall"},
                                                                     {"hissing", "hiss"},
                                                                     {"fizzed", "fizz"},
                                                                     {"failing", "fail"},
                                                                     {"filing", "file"},
                                                                     {"happy", "happi"},
                                                                     {"sky", "sky"},
                                                                     {"relational", "relat"},
                                                                     {"conditional", "condit"},
                                                                     {"rational", "ration"},
                                                                     {"digitizer", "digit"},
                                                                     {"radically", "radic"},
                                                                     {"differently", "differ"},
                                                                     {"analogously", "analog"},
                                                                     {"predication", "predic"},
                                                                     {"operator", "oper"},
                                                                     {"feudalism", "feudal"},
                                                                     {"decisiveness", "decis"},
                                                                     {"hopefulness", "hope"},
                                                                     {"callousness", "callous"},
                                                                     {"formality", "formal"},
                                                                     {"sensitivity", "sensit"},
                                                                     {"sensibility", "sensibl"},
                                                                     {"triplicate", "triplic"},
                                                                     {"formative", "form"},
                                                                     {"formalize", "formal"},
                                                                     {"electricity", "electr"},
                                                                     {"electrical", "electr"},
                                                                     {"hopeful", "hope"},
                                                                     {"goodness", "good"},
                                                                     {"revival", "reviv"},
                                                                     {"allowance", "allow"},
                                                                     {"inference", "infer"},
                                                                     {"airliner", "airlin"},
                                                                     {"gyroscopic", "gyroscop"},
                                                                     {"adjustable", "adjust"},
                                                                     {"defensible", "defens"},
                                                                     {"irritant", "irrit"},
                                                                     {"replacement", "replac"},
                                                                     {"adjustment", "adjust"},
                                                                     {"dependent", "depend"},
                                                                     {"adoption", "adopt"},
                                                                     {"communism", "commun"},
                                                                     {"activate", "activ"},
                                                                     {"homologous", "homolog"},
                                                                     {"effective", "effect"},
                                                                     {"bowdlerize", "bowdler"},
                                                                     {"probate", "probat"},
                                                                     {"rate", "rate"},
                                                                     {"cease", "ceas"},
                                                                     {"controller", "control"},
                                                                     {"roll", "roll"},
                                                                     {"possibly", "possibl"},
                                                                     {"archaeology", "archaeolog"},
                                                                     {"is", "is"},
                                                                     {"np.arrays", "np.arrai"}};
  for (const auto& [word, stem] : examples) EXPECT_EQ(stem_of(word), stem) << word;
}

TEST(EnglishAnalyzer, MakesTermsOfWords) {
  EXPECT_EQ(english_term("Running"), "run");
  EXPECT_EQ(english_term("O'Neill's"), "o'neil");
  EXPECT_EQ(english_term("dog\u2019s"), "dog");
  EXPECT_EQ(english_term("The"), "");
  EXPECT_EQ(english_term("it's"), "") << "the possessive goes first, and what is left is a stop word";
  EXPECT_EQ(english_term("s"), "s");
  EXPECT_EQ(english_term("\u00c9T\u00c9"), "\u00e9t\u00e9");
}

}  // namespace
}  // namespace lode::index

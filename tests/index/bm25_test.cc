// BM25 against its formula, computed the slow way.
#include "index/bm25.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <rapidcheck.h>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "index/bm25_index.h"

namespace lode::index {
namespace {

void as_it_is(std::string_view word, std::vector<std::string>& terms) {
  terms.emplace_back(word);
}

// Each document is a list of texts; the formula over their concatenation.
std::vector<double> by_formula(const std::vector<std::vector<std::string>>& documents, const std::string& query,
                               const Bm25Options& options) {
  const auto words = [](const std::string& text) {
    std::map<std::string, double> out;
    std::string word;
    for (const char c : text + " ") {
      if (c != ' ') {
        word += c;
      } else if (!word.empty()) {
        ++out[word];
        word.clear();
      }
    }
    return out;
  };
  std::vector<std::map<std::string, double>> counts;
  std::vector<double> lengths;
  double sum = 0;
  for (const auto& texts : documents) {
    std::string whole;
    for (const std::string& text : texts) whole += text + " ";
    counts.push_back(words(whole));
    double length = 0;
    for (const auto& [word, n] : counts.back()) length += n;
    lengths.push_back(length);
    sum += length;
  }
  const double average = sum / static_cast<double>(documents.size());
  std::vector<double> out(documents.size());
  for (const auto& [word, n_in_query] : words(query)) {
    const auto n_holding =
        static_cast<double>(std::ranges::count_if(counts, [&](const auto& count) { return count.contains(word); }));
    const double idf = std::log(1 + (static_cast<double>(documents.size()) - n_holding + 0.5) / (n_holding + 0.5));
    for (size_t d = 0; d < documents.size(); ++d) {
      const double tf = counts[d].contains(word) ? counts[d].at(word) : 0;
      if (tf == 0) continue;
      const auto length =
          options.byte_lengths ? static_cast<double>(byte_length(static_cast<int64_t>(lengths[d]))) : lengths[d];
      out[d] += n_in_query * idf * tf / (tf + options.k1 * (1 - options.b + options.b * length / average));
    }
  }
  return out;
}

TEST(Bm25, IsItsFormulaForDocumentsOfSeveralTexts) {
  EXPECT_TRUE(rc::check([] {
    const auto word = rc::gen::element<std::string>("a", "b", "c", "d", "eeee");
    const auto text =
        rc::gen::map(rc::gen::container<std::vector<std::string>>(word), [](const std::vector<std::string>& list) {
          std::string out;
          for (const std::string& one : list) out += one + " ";
          return out;
        });
    const auto texts = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(text));
    const auto n_documents = *rc::gen::inRange<size_t>(1, 8);
    const std::string query = *text;
    const Bm25Options options{.k1 = 1.2, .b = 0.75, .byte_lengths = *rc::gen::arbitrary<bool>()};

    Lexicon lexicon(&as_it_is);
    Postings postings;
    for (const std::string& one : texts) postings.add(lexicon.count(one));
    postings.finish();
    std::vector<std::vector<TextId>> parts(n_documents);
    std::vector<std::vector<std::string>> documents(n_documents);
    for (size_t d = 0; d < n_documents; ++d) {
      // Each text at most once in a document; the same text may stand in several.
      for (TextId t = 0; t < texts.size(); ++t) {
        if (!*rc::gen::arbitrary<bool>()) continue;
        parts[d].push_back(t);
        documents[d].push_back(texts[t]);
      }
    }
    const std::vector<double> ours = Collection(postings, parts).scores(lexicon.count(query), options);
    const std::vector<double> expected = by_formula(documents, query, options);
    for (size_t d = 0; d < n_documents; ++d) {
      // Without a term in any document the average length is 0 and nothing can be found.
      RC_ASSERT(std::abs(ours[d] - expected[d]) <= 1e-12 * std::max(1.0, std::abs(expected[d])));
    }
  }));
}

TEST(Bm25, EveryTextIsADocument) {
  Lexicon lexicon(&as_it_is);
  Postings postings;
  for (const char* text : {"a b", "b b c", "d"}) postings.add(lexicon.count(text));
  postings.finish();
  const std::vector<double> scores = Collection(postings).scores(lexicon.count("b x"), {});
  EXPECT_GT(scores[1], scores[0]);
  EXPECT_GT(scores[0], 0);
  EXPECT_EQ(scores[2], 0);
}

TEST(Bm25, TheIndexGivesTheCollectionsScores) {
  EXPECT_TRUE(rc::check([] {
    const auto word = rc::gen::element<std::string>("a ", "b ", "c ", "d ", "eeee ");
    const auto texts = *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::vector<std::string>>>(rc::gen::container<std::vector<std::string>>(word)));
    Lexicon lexicon(&as_it_is);
    Postings postings;
    const auto joined = [](const std::vector<std::string>& words) {
      std::string out;
      for (const std::string& one : words) out += one;
      return out;
    };
    for (const auto& words : texts) postings.add(lexicon.count(joined(words)));
    postings.finish();
    const Bm25Options options{.k1 = 0.9, .b = 0.4, .byte_lengths = *rc::gen::arbitrary<bool>()};
    Bm25Index index(postings, options);
    const Collection collection(postings);
    // Twice, since an index keeps its sums: nothing of the first query may be left. "z" is a term that came later.
    for (int i = 0; i < 2; ++i) {
      const Counts query = lexicon.count(joined(*rc::gen::container<std::vector<std::string>>(word)) + "z");
      const std::vector<double> expected = collection.scores(query, options);
      const std::span<const float> ours = index.scores(query);
      RC_ASSERT(ours.size() == expected.size());
      for (size_t d = 0; d < ours.size(); ++d) {
        RC_ASSERT(std::abs(static_cast<double>(ours[d]) - expected[d]) <= 1e-7 * std::abs(expected[d]));
      }
    }
  }));
}

TEST(Bm25, LengthsInAByteAreLucenes) {
  for (int64_t length = 0; length <= 40; ++length) EXPECT_EQ(byte_length(length), length);
  EXPECT_EQ(byte_length(41), 40);
  EXPECT_EQ(byte_length(57), 56);
  EXPECT_EQ(byte_length(1000), 984);
  EXPECT_EQ(byte_length(100'000), 98'328);
  for (int64_t length = 1; length < 1'000'000; length = length * 3 / 2 + 1) {
    EXPECT_LE(byte_length(length), length);
    EXPECT_GE(static_cast<double>(byte_length(length)), 0.87 * static_cast<double>(length));
    EXPECT_EQ(byte_length(byte_length(length)), byte_length(length));
  }
}

}  // namespace
}  // namespace lode::index

// One query's ranking against its judgements: what every ranking measure is computed from. Ranks, ties and what counts
// as judged are those of NIST's trec_eval 9 (form_res_rels.c), which pytrec_eval, BEIR and MTEB use: documents by score
// descending, compared as float, and documents of equal score by id descending, byte by byte. Pure; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::eval {

struct Judgement {
  std::string_view doc;
  int32_t level = 0;  // 1 and more: relevant; 0: not; below 0: in the pool, but nobody looked
};

struct Hit {
  std::string_view doc;
  float score = 0;
};

// Best first.
void sort_hits(std::vector<Hit>& hits);

struct JudgedRanking {
  static constexpr int32_t kNotInPool = -1;
  static constexpr int32_t kUnjudged = -2;

  std::vector<int32_t> levels;      // by rank: a judged level, kNotInPool or kUnjudged
  std::vector<int64_t> n_at_level;  // judged documents of each level, retrieved or not
  int64_t n_relevant = 0;           // judged relevant, retrieved or not
  int64_t n_relevant_retrieved = 0;
  int64_t n_not_in_pool = 0;  // retrieved
  int64_t n_unjudged = 0;     // retrieved, in the pool

  [[nodiscard]] int64_t n_retrieved() const { return std::ssize(levels); }
};

// `hits` in any order. Errors: invalid_argument for a document that is retrieved or judged twice, and for a level above
// kMaxLevel.
inline constexpr int32_t kMaxLevel = 1 << 20;
Result<JudgedRanking> judge(std::vector<Hit> hits, std::span<const Judgement> judgements);

}  // namespace lode::eval

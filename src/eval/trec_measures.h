// The measures of trec_eval, under its names and with its definitions (version 9, the one inside pytrec_eval), for one
// query. A document is relevant from level 1 on; a cut is a number of ranks, and ranks that were not retrieved count as
// not relevant. Pure; any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "eval/judged_ranking.h"

namespace lode::eval {

inline constexpr int64_t kNoCut = std::numeric_limits<int64_t>::max();

// Precision at each relevant rank, summed and divided by all relevant documents ("map", "map_cut_K").
double average_precision(const JudgedRanking& ranking, int64_t cut = kNoCut);
// Gain: the level. Discount: log2(rank + 1). The ideal takes all judged documents ("ndcg", "ndcg_cut_K").
double ndcg(const JudgedRanking& ranking, int64_t cut = kNoCut);
double precision(const JudgedRanking& ranking, int64_t cut);           // "P_K"
double recall(const JudgedRanking& ranking, int64_t cut);              // "recall_K"
double relative_precision(const JudgedRanking& ranking, int64_t cut);  // "relative_P_K": of what is possible
double success(const JudgedRanking& ranking, int64_t cut);             // "success_K": 1 with a relevant one, else 0
double reciprocal_rank(const JudgedRanking& ranking, int64_t cut = kNoCut);  // "recip_rank"; 0 without a relevant one
double r_precision(const JudgedRanking& ranking);                            // "Rprec"
// Interpolated precision at each of these shares of recall ("iprec_at_recall_X").
std::vector<double> interpolated_precision(const JudgedRanking& ranking, std::span<const double> recalls);
// How often a relevant document stands above judged ones that are not (Buckley and Voorhees 2004).
double bpref(const JudgedRanking& ranking);
// Average precision inferred from a sample of the pool (Yilmaz and Aslam 2006).
double inferred_average_precision(const JudgedRanking& ranking);
// Experimental ones of trec_eval.
double graded_gain(const JudgedRanking& ranking);       // "G"
double binary_gain(const JudgedRanking& ranking);       // "binG"
double ndcg_at_changes(const JudgedRanking& ranking);   // "Rndcg": mean of nDCG where the ideal gain changes
double ndcg_at_relevant(const JudgedRanking& ranking);  // "ndcg_rel": mean of nDCG at the relevant ranks

struct Measure {
  std::string name;  // as trec_eval and pytrec_eval write it: "ndcg_cut_10"
  double value = 0;
};

// Everything that pytrec_eval gives for a query, with trec_eval's own cuts (5, 10, 15, 20, 30, 100, 200, 500, 1000;
// success: 1, 5, 10), by name. The counts of queries and the name of the run are not measures and not among them.
std::vector<Measure> trec_measures(const JudgedRanking& ranking);

}  // namespace lode::eval

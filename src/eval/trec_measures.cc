#include "eval/trec_measures.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace lode::eval {
namespace {

constexpr double kMinGeometric = 1e-5;  // trec_eval's floor under the logarithms of "gm_" measures
constexpr double kInferredEpsilon = 1e-5;
constexpr std::array<int64_t, 9> kCuts = {5, 10, 15, 20, 30, 100, 200, 500, 1000};
constexpr std::array<int64_t, 3> kSuccessCuts = {1, 5, 10};
constexpr std::array<double, 10> kMultiples = {0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0};
constexpr std::array<double, 11> kRecalls = {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0};

bool relevant(int32_t level) {
  return level >= 1;
}

double gain(int32_t level) {
  return level > 0 ? level : 0;
}

// Of the document at a rank counted from 0.
double discounted(double gain_of, int64_t rank) {
  return gain_of / std::log2(static_cast<double>(rank + 2));
}

int64_t n_relevant_until(const JudgedRanking& ranking, int64_t cut) {
  const int64_t n = std::min(cut, ranking.n_retrieved());
  return std::count_if(ranking.levels.begin(), ranking.levels.begin() + n, relevant);
}

double ratio(int64_t part, int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// The gains of the best possible ranking, rank by rank; 0 when its relevant documents are used up.
class IdealGains {
 public:
  explicit IdealGains(const JudgedRanking& ranking)
      : n_at_level_(ranking.n_at_level), level_(std::ssize(n_at_level_) - 1) {
    skip();
  }
  [[nodiscard]] double current() const { return level_ > 0 ? static_cast<double>(level_) : 0.0; }
  double next() {
    const double now = current();
    if (level_ > 0) {
      ++used_;
      skip();
    }
    return now;
  }

 private:
  void skip() {
    while (level_ > 0 && used_ >= n_at_level_[static_cast<size_t>(level_)]) {
      --level_;
      used_ = 0;
    }
  }
  const std::vector<int64_t>& n_at_level_;
  int64_t level_;
  int64_t used_ = 0;
};

}  // namespace

double average_precision(const JudgedRanking& ranking, int64_t cut) {
  int64_t n_seen = 0;
  double sum = 0;
  const int64_t n = std::min(cut, ranking.n_retrieved());
  for (int64_t rank = 0; rank < n; ++rank) {
    if (relevant(ranking.levels[static_cast<size_t>(rank)])) sum += ratio(++n_seen, rank + 1);
  }
  return n_seen == 0 ? 0.0 : sum / static_cast<double>(ranking.n_relevant);
}

double ndcg(const JudgedRanking& ranking, int64_t cut) {
  double dcg = 0;
  const int64_t n = std::min(cut, ranking.n_retrieved());
  for (int64_t rank = 0; rank < n; ++rank) dcg += discounted(gain(ranking.levels[static_cast<size_t>(rank)]), rank);
  double ideal_dcg = 0;
  IdealGains ideal(ranking);
  for (int64_t rank = 0; rank < cut && ideal.current() > 0; ++rank) ideal_dcg += discounted(ideal.next(), rank);
  return ideal_dcg > 0 ? dcg / ideal_dcg : 0.0;
}

double precision(const JudgedRanking& ranking, int64_t cut) {
  return ratio(n_relevant_until(ranking, cut), cut);
}

double recall(const JudgedRanking& ranking, int64_t cut) {
  return ratio(n_relevant_until(ranking, cut), ranking.n_relevant);
}

double relative_precision(const JudgedRanking& ranking, int64_t cut) {
  return ratio(n_relevant_until(ranking, cut), std::min(cut, ranking.n_relevant));
}

double success(const JudgedRanking& ranking, int64_t cut) {
  return n_relevant_until(ranking, cut) > 0 ? 1.0 : 0.0;
}

double reciprocal_rank(const JudgedRanking& ranking, int64_t cut) {
  const int64_t n = std::min(cut, ranking.n_retrieved());
  const auto end = ranking.levels.begin() + n;
  const auto first = std::find_if(ranking.levels.begin(), end, relevant);
  return first == end ? 0.0 : 1.0 / static_cast<double>(first - ranking.levels.begin() + 1);
}

double r_precision(const JudgedRanking& ranking) {
  return ratio(n_relevant_until(ranking, ranking.n_relevant), ranking.n_relevant);
}

namespace {

// A share of all relevant documents as a whole number of documents, as trec_eval 9 rounds it.
int64_t share_of_relevant(const JudgedRanking& ranking, double share) {
  return static_cast<int64_t>(share * static_cast<double>(ranking.n_relevant) + 0.9);
}

}  // namespace

std::vector<double> interpolated_precision(const JudgedRanking& ranking, std::span<const double> recalls) {
  // best[n]: the highest precision at any rank where at least n relevant documents have been seen.
  const int64_t n_found = ranking.n_relevant_retrieved;
  std::vector<double> best(static_cast<size_t>(n_found) + 1, 0.0);
  double highest = ratio(n_found, ranking.n_retrieved());
  int64_t n_seen = n_found;
  for (int64_t rank = ranking.n_retrieved(); rank > 0 && n_seen > 0; --rank) {
    highest = std::max(highest, ratio(n_seen, rank));
    if (relevant(ranking.levels[static_cast<size_t>(rank - 1)])) best[static_cast<size_t>(n_seen--)] = highest;
  }
  best[0] = highest;
  std::vector<double> out;
  out.reserve(recalls.size());
  for (const double share : recalls) {
    const int64_t needed = share_of_relevant(ranking, share);
    out.push_back(needed <= n_found ? best[static_cast<size_t>(needed)] : 0.0);
  }
  return out;
}

double bpref(const JudgedRanking& ranking) {
  const int64_t n_nonrelevant = ranking.n_at_level.empty() ? 0 : ranking.n_at_level[0];
  int64_t n_above = 0;  // judged and not relevant
  double sum = 0;
  for (const int32_t level : ranking.levels) {
    if (level == 0) ++n_above;
    if (!relevant(level)) continue;
    sum += n_above == 0
               ? 1.0
               : 1.0 - ratio(std::min(n_above, ranking.n_relevant), std::min(n_nonrelevant, ranking.n_relevant));
  }
  return ranking.n_relevant == 0 ? 0.0 : sum / static_cast<double>(ranking.n_relevant);
}

double inferred_average_precision(const JudgedRanking& ranking) {
  double n_relevant = 0, n_nonrelevant = 0, n_unjudged = 0, sum = 0;
  for (int64_t rank = 0; rank < ranking.n_retrieved(); ++rank) {
    const int32_t level = ranking.levels[static_cast<size_t>(rank)];
    if (level == JudgedRanking::kNotInPool) continue;
    if (level == JudgedRanking::kUnjudged) {
      ++n_unjudged;
    } else if (!relevant(level)) {
      ++n_nonrelevant;
    } else {
      ++n_relevant;
      const auto above = static_cast<double>(rank);
      if (rank == 0) {
        sum += 1.0;
      } else {
        const double in_pool = (n_relevant - 1 + n_nonrelevant + n_unjudged) / above;
        const double share =
            (n_relevant - 1 + kInferredEpsilon) / (n_relevant - 1 + n_nonrelevant + 2 * kInferredEpsilon);
        sum += 1.0 / (above + 1) + above / (above + 1) * in_pool * share;
      }
    }
  }
  return ranking.n_relevant == 0 ? 0.0 : sum / static_cast<double>(ranking.n_relevant);
}

double graded_gain(const JudgedRanking& ranking) {
  double sum = 0, gained = 0, ideal_sum = 0, cost = 0;
  IdealGains ideal(ranking);
  for (const int32_t level : ranking.levels) {
    gained += gain(level);
    const double best = ideal.next();
    ideal_sum += best;
    cost += std::max(best, 1.0);
    if (gain(level) > 0) sum += gain(level) / std::log2(2 + cost - gained);
  }
  while (ideal.current() > 0) ideal_sum += ideal.next();
  return ideal_sum > 0 ? sum / ideal_sum : 0.0;
}

double binary_gain(const JudgedRanking& ranking) {
  int64_t n_seen = 0;
  double sum = 0;
  for (int64_t rank = 0; rank < ranking.n_retrieved(); ++rank) {
    if (!relevant(ranking.levels[static_cast<size_t>(rank)])) continue;
    ++n_seen;
    sum += 1.0 / std::log2(static_cast<double>(3 + rank - n_seen));
  }
  return n_seen == 0 ? 0.0 : sum / static_cast<double>(ranking.n_relevant);
}

double ndcg_at_changes(const JudgedRanking& ranking) {
  if (ranking.n_relevant == 0) return 0;
  double dcg = 0, ideal_dcg = 0, sum = 0;
  int64_t n_points = 0, rank = 0;
  IdealGains ideal(ranking);
  double last = ideal.current();
  const auto measure = [&] {
    sum += dcg / ideal_dcg;
    ++n_points;
  };
  for (; rank < ranking.n_retrieved() && last > 0; ++rank) {
    const double now = ideal.next();
    if (now != last) measure();
    last = now;
    dcg += discounted(gain(ranking.levels[static_cast<size_t>(rank)]), rank);
    ideal_dcg += discounted(now, rank);
  }
  if (rank < ranking.n_retrieved()) {
    for (; rank < ranking.n_retrieved(); ++rank)
      dcg += discounted(gain(ranking.levels[static_cast<size_t>(rank)]), rank);
    measure();
  }
  for (; last > 0; ++rank) {
    const double now = ideal.next();
    if (now != last) measure();
    last = now;
    ideal_dcg += discounted(now, rank);
  }
  return sum / static_cast<double>(n_points);
}

double ndcg_at_relevant(const JudgedRanking& ranking) {
  double dcg = 0, ideal_dcg = 0, sum = 0;
  int64_t rank = 0;
  IdealGains ideal(ranking);
  for (; rank < ranking.n_retrieved(); ++rank) {
    const double gained = gain(ranking.levels[static_cast<size_t>(rank)]);
    dcg += discounted(gained, rank);
    ideal_dcg += discounted(ideal.next(), rank);
    if (gained > 0) sum += dcg / ideal_dcg;
  }
  for (; ideal.current() > 0; ++rank) ideal_dcg += discounted(ideal.next(), rank);
  if (ideal_dcg == 0) return 0;
  sum += static_cast<double>(ranking.n_relevant - ranking.n_relevant_retrieved) * dcg / ideal_dcg;
  return sum / static_cast<double>(ranking.n_relevant);
}

std::vector<Measure> trec_measures(const JudgedRanking& ranking) {
  std::vector<Measure> out;
  const auto add = [&](std::string name, double value) { out.push_back({std::move(name), value}); };
  const auto add_count = [&](std::string name, int64_t value) { add(std::move(name), static_cast<double>(value)); };
  const int64_t n_retrieved = ranking.n_retrieved(), n_relevant = ranking.n_relevant;
  const int64_t n_both = ranking.n_relevant_retrieved;
  add_count("num_ret", n_retrieved);
  add_count("num_rel", n_relevant);
  add_count("num_rel_ret", n_both);
  add_count("num_nonrel_judged_ret", n_retrieved - ranking.n_not_in_pool - ranking.n_unjudged - n_both);
  const double map = average_precision(ranking), preference = bpref(ranking);
  add("map", map);
  add("gm_map", std::log(std::max(map, kMinGeometric)));
  add("Rprec", r_precision(ranking));
  add("bpref", preference);
  add("gm_bpref", std::log(std::max(preference, kMinGeometric)));
  add("recip_rank", reciprocal_rank(ranking));
  add("infAP", inferred_average_precision(ranking));
  add("ndcg", ndcg(ranking));
  add("Rndcg", ndcg_at_changes(ranking));
  add("ndcg_rel", ndcg_at_relevant(ranking));
  add("G", graded_gain(ranking));
  add("binG", binary_gain(ranking));
  add("utility", static_cast<double>(n_both - (n_retrieved - n_both)));

  const double p = ratio(n_both, n_retrieved), r = ratio(n_both, n_relevant);
  add("set_P", p);
  add("set_recall", r);
  add("set_relative_P", ratio(n_both, std::min(n_retrieved, n_relevant)));
  add("set_F", n_both == 0 ? 0.0 : 2 * p * r / (p + r));
  add("set_map", p * r);

  for (const double multiple : kMultiples) {
    add(fmt::format("Rprec_mult_{:.2f}", multiple), precision(ranking, share_of_relevant(ranking, multiple)));
  }
  const std::vector<double> at_recall = interpolated_precision(ranking, kRecalls);
  double sum = 0;
  for (size_t i = 0; i < kRecalls.size(); ++i) {
    add(fmt::format("iprec_at_recall_{:.2f}", kRecalls[i]), at_recall[i]);
    sum += at_recall[i];
  }
  add("11pt_avg", sum / static_cast<double>(kRecalls.size()));
  for (const int64_t cut : kCuts) {
    add(fmt::format("P_{}", cut), precision(ranking, cut));
    add(fmt::format("relative_P_{}", cut), relative_precision(ranking, cut));
    add(fmt::format("recall_{}", cut), recall(ranking, cut));
    add(fmt::format("map_cut_{}", cut), average_precision(ranking, cut));
    add(fmt::format("ndcg_cut_{}", cut), ndcg(ranking, cut));
  }
  for (const int64_t cut : kSuccessCuts) add(fmt::format("success_{}", cut), success(ranking, cut));
  return out;
}

}  // namespace lode::eval

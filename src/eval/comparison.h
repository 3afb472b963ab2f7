// Two results of one task, item by item. A difference is always the second less the first. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/paired_tests.h"
#include "eval/task_result.h"

namespace lode::eval {

enum class PairedTest : unsigned char { exact_randomisation, randomisation, mcnemar };
std::string_view test_name(PairedTest test);

struct Comparison {
  size_t n_items = 0;
  double first = 0, second = 0, difference = 0;
  Interval first_interval, second_interval, interval;  // 95 %, bootstrap over the items
  PairedTest test = PairedTest::randomisation;
  double p = 1;  // two-sided

  // Of a score that is a mean over the items; else empty and 0. In the order of the first result's items.
  std::vector<double> differences, first_items, second_items;
  size_t n_better = 0, n_worse = 0, n_equal = 0;  // of the second
};

// `measure` is a column of the items, whose mean is the score: McNemar's exact test where all its values are 0 and 1,
// else the randomisation test. Or NAME_spearman or NAME_pearson of the columns NAME and "gold": the score is that
// correlation, and the systems' values (Spearman: their ranks) are exchanged. Items are matched by their ids.
// Errors: invalid_argument for an unknown measure; corrupt for results that do not have the same items, each once, the
// same gold or a value everywhere.
Result<Comparison> compare(const ItemScores& first, const ItemScores& second, std::string_view measure);

}  // namespace lode::eval

// Pearson's and Spearman's correlation, as scipy.stats defines them. NaN where one side is constant or there are fewer
// than two pairs, as there. Pure; any thread. x and y: same length.
#pragma once

#include <span>
#include <vector>

namespace lode::eval {

double pearson(std::span<const double> x, std::span<const double> y);
// Pearson of the ranks; equal values share the mean of their ranks.
double spearman(std::span<const double> x, std::span<const double> y);

// Ranks from 1; equal values share the mean of theirs (scipy.stats.rankdata, method "average").
std::vector<double> average_ranks(std::span<const double> x);

}  // namespace lode::eval

// Pearson's and Spearman's correlation, as scipy.stats defines them. NaN where one side is constant or there are fewer
// than two pairs, as there. Pure; any thread. x and y: same length.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lode::eval {

double pearson(std::span<const double> x, std::span<const double> y);
// Pearson of the ranks; equal values share the mean of their ranks.
double spearman(std::span<const double> x, std::span<const double> y);

// Ranks from 1; equal values share the mean of theirs (scipy.stats.rankdata, method "average").
std::vector<double> average_ranks(std::span<const double> x);

// How likely a correlation at least as far from 0 is between n unrelated pairs (two-sided, Student's t with n - 2
// degrees of freedom): scipy.stats' pvalue of both pearsonr and spearmanr. n: 3 or more.
double correlation_p_value(double correlation, size_t n);

}  // namespace lode::eval

// Do two systems differ by more than chance, measured on the same items? Tests and intervals over paired results, by
// resampling from a fixed seed: the same input gives the same figures. Pure; any thread.
// Sources: Smucker, Allan and Carterette 2007 (randomisation test), Phipson and Smyth 2010 (its p-value when sampled),
// McNemar 1947 with the exact binomial, Efron 1979 (bootstrap, percentile interval), Holm 1979.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lode::eval {

inline constexpr size_t kExactItems = 20;       // up to so many items every exchange is tried, 2^n of them
inline constexpr size_t kExchanges = 100'000;   // otherwise so many are drawn
inline constexpr size_t kResamples = 10'000;    // of the bootstrap
inline constexpr uint32_t kPairedSeed = 20070;  // of both; numpy's RandomState gives the same stream

struct RandomisationTest {
  double p = 1;  // two-sided
  bool exact = true;
};

// If the systems did not differ, exchanging their results on any items would change nothing: p is the share of
// exchanges with a difference at least as large as the true one. `difference` gets one byte an item, 1: exchanged.
// Drawn exchanges: (1 + the number of such) / (1 + kExchanges), 32 items a word of the stream, the lowest bit first.
RandomisationTest randomisation_test(size_t n_items,
                                     const std::function<double(std::span<const uint8_t> exchanged)>& difference);

// The same for the mean of these differences; items without one change nothing and are left out.
RandomisationTest randomisation_test(std::span<const double> differences);

// Two-sided exact binomial p of the items on which exactly one system is right.
double mcnemar_exact(size_t n_only_first, size_t n_only_second);

struct Interval {
  double low = 0;
  double high = 0;
};

// 95 % percentile intervals of several statistics from the same resamples. `statistics` gets how often each item was
// drawn and fills one value a statistic; NaN ones are left out. Items are drawn by randint(n_items), n_items times a
// resample; quantiles are numpy's default (linear).
std::vector<Interval> bootstrap_intervals(
    size_t n_items, size_t n_statistics,
    const std::function<void(std::span<const uint32_t> times, std::span<double> out)>& statistics);

// p-values of several tests, made larger so that the chance of any false alarm stays below the level.
std::vector<double> holm(std::span<const double> p);

}  // namespace lode::eval

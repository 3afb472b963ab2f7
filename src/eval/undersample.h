// Which rows a classifier is trained on: MTEB's few samples of each label, drawn anew for each experiment. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lode::eval {

// [n_experiments] lists of rows, each with the first `n_per_label` rows of every label (all of a rarer one) in the
// order of a shuffle of what the experiment before left. Each experiment's shuffle is numpy's with seed 42: today's
// MTEB makes RandomState(42) anew, and v1's Evaluator, built once an experiment, seeds numpy's global stream again.
std::vector<std::vector<uint32_t>> undersample(std::span<const int32_t> labels, int n_per_label, int n_experiments);

}  // namespace lode::eval

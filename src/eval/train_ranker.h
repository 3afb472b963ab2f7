// Learns the weights of a file ranker from texts that each led to one file, and says how good it is on repositories
// that it has not seen: each is ranked by weights learnt from all the others. One thread, which starts n_threads - 1.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "eval/lexical_files.h"
#include "eval/listwise_regression.h"

namespace lode::eval {

struct RankerScores {
  size_t n = 0;  // lists
  size_t n_first = 0;
  size_t n_first_5 = 0;
  size_t n_first_10 = 0;
  double mrr = 0;
};

struct RankerInstance {
  std::string repo;
  RankedList list;
};

struct RankerData {
  std::vector<RankerInstance> instances;
  // Those that are left out, since their right file is none of their candidates: how many, and what the first one is.
  size_t n_lost = 0;
  std::string first_lost;  // "ID (the right file's path)"

  // Ranking each repository by what the others teach needs two.
  [[nodiscard]] bool has_several_repositories() const;
};

// instances.jsonl and corpus/ of a folder (../shared/data/mined_rank). Errors: those of the readers; not_found where
// no instance is left.
Result<RankerData> read_ranker_instances(const std::filesystem::path& folder, const RepositoryOptions& options);

// Leave one repository out: each is ranked by what the others teach. `without`: features that count as 0, by index.
// Errors: invalid_argument for instances of a single repository.
struct CrossValidation {
  RankerScores all;
  std::vector<std::pair<std::string, RankerScores>> repositories;  // by name
};
Result<CrossValidation> cross_validate(std::vector<RankerInstance>& instances, size_t n_features,
                                       const std::vector<size_t>& without, const ListwiseOptions& options,
                                       int n_threads);

// The weights that all of them teach.
Result<std::vector<double>> fit_ranker(const std::vector<RankerInstance>& instances, size_t n_features,
                                       const ListwiseOptions& options);

}  // namespace lode::eval

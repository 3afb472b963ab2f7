// The model of a command as the vectors of indexes: loaded when a search needs it first, and for queries alone, since
// `lode index` and `lode serve` make those of chunks. Any thread; one at a time computes, the others wait.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/command.h"
#include "apps/eval_subject.h"
#include "base/error.h"
#include "search/vector_model.h"

namespace lode::apps {

class LazyVectors final : public search::VectorModel {
 public:
  LazyVectors(SubjectOptions options, const Globals& globals) : options_(std::move(options)), globals_(globals) {
    globals_.quiet = true;
  }

  [[nodiscard]] bool is_loaded() const override { return is_loaded_; }
  // One that is not installed is looked for again at each call, any other failure stays.
  Result<const search::VectorModelCard*> card() override;
  Result<std::vector<float>> encode_query(const std::string& query, const std::stop_token& gone) override;
  // Errors: unsupported, always.
  Result<std::vector<float>> encode_chunks(std::span<const std::string> texts, const std::stop_token& gone) override;
  search::KeptVectors* kept() override { return kept_ ? &*kept_ : nullptr; }

 private:
  Status load();

  const SubjectOptions options_;
  Globals globals_;
  std::mutex mutex_;  // of all below
  std::optional<EvalSubject> subject_;
  std::optional<Error> failure_;
  search::VectorModelCard card_;
  std::optional<search::KeptVectors> kept_;
  std::atomic<bool> is_loaded_ = false;
};

}  // namespace lode::apps

// The model beside an index: it gives the index's chunks their vectors and a query its own. Vectors are kept in the
// vector cache too, by text, so that clones and other indexes share them. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/command.h"
#include "apps/eval_subject.h"
#include "base/error.h"
#include "search/searcher.h"
#include "search/vector_file.h"
#include "search/vector_filler.h"

namespace lode::apps {

class SearchModel {
 public:
  // Errors: those of the model.
  static Result<std::unique_ptr<SearchModel>> open(const SubjectOptions& options, const Globals& globals,
                                                   const std::filesystem::path& index);

  // Gives the tree's chunks what they lack, and drops what nobody needs any more. The caller holds the writer's lock.
  Result<search::VectorReport> fill(const search::RootName& root,
                                    const std::function<void(size_t n_done, size_t n_chunks)>& progress);
  // Makes or extends the graph over the vectors (search/vector_graph.h), if the tree has so many chunks that searches
  // need one. The caller holds the writer's lock.
  Status update_graph(size_t n_chunks, int n_threads,
                      const std::function<void(size_t n_done, size_t n_rows)>& progress);
  // From now on the searcher asks this model, which must outlive it.
  Status attach(search::Searcher& searcher);

  // What the index has of this model's vectors, and the floats that they were rounded from: kept ones are read, others
  // made anew. texts: search::TreeChunk::embedded -> [texts.size(), dims of the file].
  Result<search::VectorFile> vectors() const;
  Result<std::vector<float>> exact(std::span<const std::string> texts);

  [[nodiscard]] const std::string& name() const { return subject_.model().name; }

 private:
  SearchModel(EvalSubject subject, std::filesystem::path index)
      : subject_(std::move(subject)), index_(std::move(index)) {}

  EvalSubject subject_;
  std::filesystem::path index_;
};

}  // namespace lode::apps

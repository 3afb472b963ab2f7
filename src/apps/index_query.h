// What commands that ask an index have in common: where it lies, what is left of its hits, the model that its vectors
// are of, and how hits are printed. Main thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/command.h"
#include "apps/eval_subject.h"
#include "apps/index_store.h"
#include "apps/search_model.h"
#include "base/error.h"
#include "search/query.h"
#include "search/search_json.h"
#include "search/searcher.h"

namespace lode::apps {

struct IndexQueryOptions {
  std::string index;
  std::string commit;
  std::vector<std::string> languages;
  std::vector<std::string> kinds;
  std::vector<std::string> paths;
  size_t n_hits = 10;
  std::string since;
  int64_t context = -1;
  SubjectOptions model;
};
void add_index_options(CLI::App& app, IndexQueryOptions& options);   // --index, --commit, -k
void add_filter_options(CLI::App& app, IndexQueryOptions& options);  // --lang, --path, --kind, --since, --context

struct FoundIndex {
  IndexPlace place;
  std::string below;  // the folder that is asked for, within the one that is indexed; "" or with a slash behind it
};

// Whether the folder has an index of its own.
bool is_indexed(const std::string& folder, const IndexQueryOptions& options);
// Where the index of the folder lies, or of the nearest folder above it that has one. Where none has, the folder's own:
// to open it says what is missing.
Result<FoundIndex> find_index(const std::string& folder, const IndexQueryOptions& options);

struct OpenedIndex : FoundIndex {
  std::unique_ptr<SearchModel> model;  // null: no vectors are asked
  std::unique_ptr<search::Searcher> searcher;
};

// Takes a tenth of a second for half a million chunks. Errors: those of Searcher::open.
Result<OpenedIndex> open_index(FoundIndex found);

// Attaches the model's vectors, where the index has any. Without `is_asked_for` (and without --model) a model that
// cannot be had is no error.
Status open_vectors(OpenedIndex& opened, const IndexQueryOptions& options, const Globals& globals, bool is_asked_for);

// The filters of the options, number of hits and context; not `below`. Errors: invalid_argument for names that are
// none.
Status set_filters(const IndexQueryOptions& options, search::SearchQuery& query);

search::SearchedIndex describe(const OpenedIndex& opened);

// On stdout, as text or as JSON; not_found where there is no hit.
Status print_hits(const search::SearchQuery& query, const search::SearchResult& result,
                  const search::SearchedIndex& about, const Globals& globals);

}  // namespace lode::apps

// The indexes that a server offers, by name, searched as one. With one of them paths are those of its folder; with
// several each path has the index's name in front ("api/src/main.py"), in what comes out and what goes in. Nothing but
// indexed files is ever shown, and from the index's own copy of them: a path that is not in an index is refused, so no
// path leads out of the folders, whatever it is made of. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "search/live_index.h"
#include "search/query.h"
#include "search/search_json.h"

namespace lode::search {

class Library {
 public:
  // How long a question waits for an index that is being brought up to date.
  explicit Library(std::chrono::milliseconds patience) : patience_(patience) {}

  // Named by its folder's last part, with a number behind it where another is called so.
  void add(std::unique_ptr<LiveIndex> index);
  [[nodiscard]] size_t size() const { return indexes_.size(); }
  [[nodiscard]] const std::string& name(size_t i) const { return indexes_[i].name; }
  [[nodiscard]] const LiveIndex& at(size_t i) const { return *indexes_[i].live; }
  // Errors: not_found, naming those that there are.
  [[nodiscard]] Result<size_t> named(std::string_view name) const;

  // Over all indexes, or only one. An index of which nothing is there yet has no hits, and the result is not complete.
  // Errors: as Searcher::search, and why an index cannot be read or made; of a dense search also why there are no
  // vectors, unavailable while the first ones are being made.
  Result<SearchResult> search(const SearchQuery& query, std::optional<size_t> only = {});
  // Within the index of the file. Errors: not_found; as find_similar.
  Result<SearchResult> similar(std::string_view path, uint32_t line, const SearchQuery& asked);

  struct File {
    std::string path;  // as the hits have it
    code::Language language = code::Language::text;
    std::string text;  // valid UTF-8
    std::vector<code::Symbol> symbols;
  };
  // Errors: not_found, with paths that end alike.
  Result<File> file(std::string_view path);

  struct IndexStatus {
    SearchedIndex about;
    bool is_complete = false;
    LiveIndex::State state;
  };
  // Errors: why an index cannot be read; one that is not there yet has no files.
  Result<IndexStatus> status(size_t i);
  // As LiveIndex::stop, of all.
  void stop();

 private:
  struct Named {
    std::string name;
    std::unique_ptr<LiveIndex> live;
  };
  struct Place {
    size_t index = 0;
    std::string path;  // within the index's folder
  };
  [[nodiscard]] std::string shown(size_t i, std::string_view path) const;
  [[nodiscard]] Result<Place> place_of(std::string_view path) const;
  // The paths of a query as index i has them; none where they leave nothing of it.
  [[nodiscard]] std::optional<std::vector<std::string>> paths_for(size_t i,
                                                                  const std::vector<std::string>& globs) const;
  // None: nothing is there yet.
  Result<std::optional<LiveIndex::Lease>> open(size_t i);
  // Has the vectors that the mode asks for ready, where there are any.
  Status prepare(size_t i, LiveIndex::Lease& searcher, Mode mode);
  std::unexpected<Error> no_such_file(size_t i, Searcher& searcher, std::string_view path) const;

  std::chrono::milliseconds patience_;
  std::vector<Named> indexes_;
};

}  // namespace lode::search

#include "search/library.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/excerpt.h"
#include "search/similar_search.h"

namespace lode::search {
namespace {

constexpr size_t kMostGuesses = 5;
constexpr int kFirstPatience = 5;

std::string_view last_part(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
}

bool has_dots(std::string_view path) {
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (path.substr(0, end) == "..") return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

}  // namespace

void Library::add(std::unique_ptr<LiveIndex> index) {
  const std::string folder = std::filesystem::path(index->options().root.folder).filename().string();
  const std::string base = folder.empty() ? "root" : folder;
  std::string name = base;
  for (int n = 2; std::ranges::find(indexes_, name, &Named::name) != indexes_.end(); ++n) {
    name = fmt::format("{}-{}", base, n);
  }
  indexes_.push_back({std::move(name), std::move(index)});
}

Result<size_t> Library::named(std::string_view name) const {
  const auto found = std::ranges::find(indexes_, name, &Named::name);
  if (found != indexes_.end()) return static_cast<size_t>(found - indexes_.begin());
  std::vector<std::string_view> names;
  for (const Named& one : indexes_) names.push_back(one.name);
  return fail(Code::not_found, fmt::format("there is no index \"{}\"", excerpt(name)),
              fmt::format("There are: {}.", fmt::join(names, ", ")));
}

std::string Library::shown(size_t i, std::string_view path) const {
  return indexes_.size() == 1 ? std::string(path) : fmt::format("{}/{}", indexes_[i].name, path);
}

Result<Library::Place> Library::place_of(std::string_view path) const {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::not_found, fmt::format("the path \"{}\" {}", excerpt(path), why),
                "Give a path as the hits of a search have it.");
  };
  if (path.find('\0') != std::string_view::npos) return refuse("has a NUL");
  if (has_dots(path)) return refuse("has '..' in it");
  std::string_view rest = path;
  if (rest.starts_with('/')) {
    // Agents like whole paths: within an indexed folder they say the same.
    for (size_t i = 0; i < indexes_.size(); ++i) {
      const std::string& folder = indexes_[i].live->options().root.folder;
      if (rest.starts_with(folder) && rest.size() > folder.size() && rest[folder.size()] == '/') {
        return Place{i, std::string(rest.substr(folder.size() + 1))};
      }
    }
    return refuse("is outside of the indexed folders");
  }
  while (rest.starts_with("./")) rest.remove_prefix(2);
  if (indexes_.size() == 1) return Place{0, std::string(rest)};
  for (size_t i = 0; i < indexes_.size(); ++i) {
    const std::string& name = indexes_[i].name;
    if (rest.starts_with(name) && rest.size() > name.size() && rest[name.size()] == '/') {
      return Place{i, std::string(rest.substr(name.size() + 1))};
    }
  }
  return refuse("does not begin with the name of an index");
}

std::optional<std::vector<std::string>> Library::paths_for(size_t i, const std::vector<std::string>& globs) const {
  if (indexes_.size() == 1) return globs;
  std::vector<std::string> out;
  bool has_wanted = false, keeps_wanted = false;
  for (const std::string& glob : globs) {
    const bool leaves_out = glob.starts_with('!');
    const std::string_view body = std::string_view(glob).substr(leaves_out ? 1 : 0);
    std::optional<std::string> own = std::string(body);
    for (size_t other = 0; other < indexes_.size(); ++other) {
      const std::string prefix = indexes_[other].name + "/";
      if (!body.starts_with(prefix)) continue;
      own.reset();
      if (other != i) continue;
      own = body.size() == prefix.size() ? "**" : std::string(body.substr(prefix.size()));
      break;
    }
    has_wanted = has_wanted || !leaves_out;
    if (!own) continue;
    keeps_wanted = keeps_wanted || !leaves_out;
    out.push_back((leaves_out ? "!" : "") + *own);
  }
  if (has_wanted && !keeps_wanted) return std::nullopt;
  return out;
}

Result<std::optional<LiveIndex::Lease>> Library::open(size_t i) {
  LiveIndex& live = *indexes_[i].live;
  live.refresh(patience_);
  auto searcher = live.searcher();
  if (!searcher && searcher.error().code == Code::not_found) {
    // The first answer is worth a longer wait than a fresher one.
    live.refresh(patience_ * kFirstPatience);
    searcher = live.searcher();
  }
  if (searcher) return std::optional<LiveIndex::Lease>(*std::move(searcher));
  if (searcher.error().code != Code::not_found) return std::unexpected(std::move(searcher).error());
  const LiveIndex::State state = live.state();
  if (state.error && !state.is_indexing) return std::unexpected(*state.error);
  return std::optional<LiveIndex::Lease>();
}

Status Library::prepare(size_t i, LiveIndex::Lease& searcher, Mode mode) {
  if (mode != Mode::hybrid && mode != Mode::dense) return {};
  LiveIndex& live = *indexes_[i].live;
  const Status status = live.need_vectors(searcher);
  if (mode == Mode::hybrid) return {};  // does without
  LODE_TRY(status);
  if (searcher->n_vectors() == 0 && live.state().is_filling) {
    return fail(Code::unavailable, "the index has no vectors yet: they are being made",
                "Ask again in a moment, or with another mode.");
  }
  return {};
}

void Library::stop() {
  for (const Named& one : indexes_) one.live->stop();
}

Result<SearchResult> Library::search(const SearchQuery& query, std::optional<size_t> only) {
  SearchResult out;
  for (size_t i = 0; i < indexes_.size(); ++i) {
    if (only && *only != i) continue;
    SearchQuery own = query;
    auto paths = paths_for(i, query.paths);
    if (!paths) continue;
    own.paths = *std::move(paths);
    LODE_ASSIGN(auto searcher, open(i));
    if (!searcher) {
      out.is_complete = false;
      continue;
    }
    LODE_TRY(prepare(i, *searcher, query.mode));
    LODE_ASSIGN(SearchResult found, (*searcher)->search(own));
    out.n_found += found.n_found;
    if (found.n_vectors) out.n_vectors = out.n_vectors.value_or(0) + *found.n_vectors;
    out.is_complete = out.is_complete && found.is_complete;
    for (Hit& hit : found.hits) {
      hit.path = shown(i, hit.path);
      for (std::string& copy : hit.copies) copy = shown(i, copy);
      out.hits.push_back(std::move(hit));
    }
  }
  if (indexes_.size() > 1 && !only && query.mode != Mode::exact && query.mode != Mode::regex) {
    std::ranges::stable_sort(out.hits, std::ranges::greater(), &Hit::score);
  }
  if (out.hits.size() > query.n_hits) out.hits.resize(query.n_hits);
  return out;
}

Result<SearchResult> Library::similar(std::string_view path, uint32_t line, const SearchQuery& asked) {
  LODE_ASSIGN(const Place place, place_of(path));
  LODE_ASSIGN(auto searcher, open(place.index));
  if (!searcher) return SearchResult{.hits = {}, .n_found = 0, .is_complete = false};
  if ((*searcher)->find(place.path) == nullptr) return no_such_file(place.index, **searcher, place.path);
  SearchQuery own = asked;
  auto paths = paths_for(place.index, asked.paths);
  if (!paths) return SearchResult{};
  own.paths = *std::move(paths);
  LODE_TRY(prepare(place.index, *searcher, asked.mode));
  LODE_ASSIGN(SearchResult out, find_similar(**searcher, place.path, line, own));
  for (Hit& hit : out.hits) {
    hit.path = shown(place.index, hit.path);
    for (std::string& copy : hit.copies) copy = shown(place.index, copy);
  }
  return out;
}

std::unexpected<Error> Library::no_such_file(size_t i, Searcher& searcher, std::string_view path) const {
  std::vector<std::string> guesses;
  for (const IndexedFile& file : searcher.files()) {
    if (last_part(file.path) == last_part(path)) guesses.push_back(shown(i, file.path));
    if (guesses.size() == kMostGuesses) break;
  }
  return fail(Code::not_found, fmt::format("the index has no file \"{}\"", excerpt(shown(i, path))),
              guesses.empty() ? "Give a path as the hits of a search have it."
                              : fmt::format("There is: {}.", fmt::join(guesses, ", ")));
}

Result<Library::File> Library::file(std::string_view path) {
  LODE_ASSIGN(const Place place, place_of(path));
  LODE_ASSIGN(auto searcher, open(place.index));
  if (!searcher) {
    return fail(Code::unavailable, "the index is being made and has no files yet", "Ask again in a moment.");
  }
  const IndexedFile* const file = (*searcher)->find(place.path);
  if (file == nullptr) return no_such_file(place.index, **searcher, place.path);
  IndexReader& reader = (*searcher)->reader();
  LODE_ASSIGN(Content content, reader.content(*file->content));
  LODE_ASSIGN(std::string text, reader.text(*file->content));
  return File{.path = shown(place.index, place.path),
              .language = content.language,
              .text = std::move(text),
              .symbols = std::move(content.outline.symbols)};
}

Result<Library::IndexStatus> Library::status(size_t i) {
  LiveIndex& live = *indexes_[i].live;
  IndexStatus out;
  out.about.index = live.options().index.string();
  out.about.folder = live.options().root.folder;
  auto searcher = live.searcher();
  if (searcher) {
    out.about.n_files = (*searcher)->n_files();
    out.about.n_chunks = (*searcher)->reader().n_chunks();
    out.is_complete = (*searcher)->reader().is_complete();
  } else if (searcher.error().code != Code::not_found) {
    return std::unexpected(std::move(searcher).error());
  }
  out.state = live.state();
  return out;
}

}  // namespace lode::search

#include "apps/index_query.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/point_in_time.h"
#include "apps/process.h"
#include "search/index_reader.h"
#include "search/vector_file.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

// Plain lines, for people; on a terminal the place of a hit stands out.
std::string text_of(const search::SearchResult& result, bool is_terminal) {
  std::string out;
  for (const search::Hit& hit : result.hits) {
    if (!out.empty()) out += '\n';
    const std::string place = fmt::format("{}:{}-{}", hit.path, hit.first_line, hit.last_line);
    out += is_terminal ? fmt::format("\x1b[1;35m{}\x1b[0m", place) : place;
    if (!hit.symbol.empty()) out += fmt::format("  {} {}", hit.kind, hit.symbol);
    out += '\n';
    if (!hit.why.empty()) out += fmt::format("  {}\n", fmt::join(hit.why, "; "));
    uint32_t line = hit.snippet_line;
    for (std::string_view rest = hit.snippet; !rest.empty() || line == hit.snippet_line;) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      out += fmt::format("{:>6}  {}\n", line++, rest.substr(0, end));
      if (end == rest.size()) break;
      rest.remove_prefix(end + 1);
    }
    if (!hit.copies.empty()) out += fmt::format("  the same in {}\n", fmt::join(hit.copies, ", "));
  }
  return out;
}

// Whether the index is there and knows of the folder; one that cannot be read says why when it is opened.
bool holds(const IndexPlace& place) {
  const auto roots = search::IndexReader::roots(place.index);
  if (!roots) return roots.error().code != Code::not_found;
  return std::ranges::any_of(*roots, [&](const search::RootName& root) {
    return root.folder == place.root.folder && root.revision == place.root.revision;
  });
}

}  // namespace

void add_index_options(CLI::App& app, IndexQueryOptions& options) {
  app.add_option("--index", options.index, "where the index lies (default: indexes/ in LODE_HOME)")->type_name("PATH");
  app.add_option("--commit", options.commit, "search the index of this commit, branch or tag")->type_name("REV");
  app.add_option("-k,--hits", options.n_hits, "most hits")
      ->check(CLI::Range(size_t{1}, size_t{10'000}))
      ->type_name("N")
      ->capture_default_str();
}

void add_filter_options(CLI::App& app, IndexQueryOptions& options) {
  app.add_option("--lang", options.languages, "only files of this language; several may be given")->type_name("LANG");
  app.add_option("--path", options.paths, "only paths that match this glob ('src/**', '*.py'); '!GLOB' leaves out")
      ->type_name("GLOB");
  app.add_option("--kind", options.kinds, "only within symbols of this kind (class, function, method ...)")
      ->type_name("KIND");
  app.add_option("--since", options.since, "only files modified since then: 12h, 7d, 2w, 2026-11-01")
      ->type_name("WHEN");
  app.add_option("--context", options.context, "lines around the best line (default: 3, 1 or 0, by mode)")
      ->check(CLI::Range(int64_t{0}, int64_t{1000}))
      ->type_name("N");
}

bool is_indexed(const std::string& folder, const IndexQueryOptions& options) {
  const auto place = locate_index(folder, options.index, options.commit);
  return place && holds(*place);
}

Result<FoundIndex> find_index(const std::string& folder, const IndexQueryOptions& options) {
  LODE_ASSIGN(IndexPlace place, locate_index(folder, options.index, options.commit));
  const fs::path asked = place.root.folder;
  if (holds(place)) return FoundIndex{std::move(place), ""};
  for (fs::path above = asked; above.has_relative_path();) {
    above = above.parent_path();
    auto other = locate_index(above.string(), options.index, options.commit);
    if (!other) break;
    if (holds(*other)) return FoundIndex{*std::move(other), fs::relative(asked, above).string() + "/"};
  }
  return FoundIndex{std::move(place), ""};
}

Result<OpenedIndex> open_index(FoundIndex found) {
  LODE_ASSIGN(auto searcher, search::Searcher::open(found.place.index, found.place.root));
  return OpenedIndex{std::move(found), /*model=*/nullptr, std::move(searcher)};
}

Status open_vectors(OpenedIndex& opened, const IndexQueryOptions& options, const Globals& globals, bool is_asked_for) {
  if (!search::VectorFile::any_in(opened.place.index)) return {};
  auto made = SearchModel::open(options.model, globals, opened.place.index);
  is_asked_for = is_asked_for || !options.model.model.model.empty() || !options.model.endpoint.empty();
  if (!made && is_asked_for) return std::unexpected(std::move(made).error());
  if (!made) {
    if (!globals.quiet) print_message(fmt::format("vectors are not searched: {}", made.error().line()));
    return {};
  }
  opened.model = *std::move(made);
  return opened.model->attach(*opened.searcher);
}

Status set_filters(const IndexQueryOptions& options, search::SearchQuery& query) {
  query.n_hits = options.n_hits;
  query.paths = options.paths;
  if (options.context >= 0) query.context = static_cast<size_t>(options.context);
  for (const std::string& name : options.languages) {
    const auto language = code::language_named(name);
    if (!language) {
      return fail(Code::invalid_argument, fmt::format("--lang {} is no language that is known", name),
                  "Give a name or an extension: python, py, rs, md ...");
    }
    query.languages.push_back(*language);
  }
  for (const std::string& name : options.kinds) {
    const auto kind = code::kind_named(name);
    if (!kind) {
      return fail(Code::invalid_argument, fmt::format("--kind {} is no kind of symbol", name),
                  fmt::format("They are {}.", fmt::join(code::kind_names(), ", ")));
    }
    query.kinds.push_back(*kind);
  }
  if (!options.since.empty()) {
    if (!options.commit.empty()) {
      return fail(Code::invalid_argument, "--since goes by the times of files, which a commit does not have",
                  "Leave out --since or --commit.");
    }
    const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
    LODE_ASSIGN(const std::chrono::sys_seconds since, point_in_time(options.since, now));
    query.changed_since_ns = std::chrono::nanoseconds(since.time_since_epoch()).count();
  }
  return {};
}

search::SearchedIndex describe(const OpenedIndex& opened) {
  return {.index = opened.place.index.string(),
          .folder = opened.place.root.folder,
          .commit = opened.searcher->reader().commit_id(),
          .n_files = opened.searcher->n_files(),
          .n_chunks = opened.searcher->reader().n_chunks()};
}

Status print_hits(const search::SearchQuery& query, const search::SearchResult& result,
                  const search::SearchedIndex& about, const Globals& globals) {
  if (!result.is_complete && !globals.quiet) {
    print_message("the index is not complete yet: more may be found when it is");
  }
  if (globals.json) {
    LODE_TRY(write_stdout(search::search_json(query, result, about)));
  } else {
    LODE_TRY(write_stdout(text_of(result, isatty(STDOUT_FILENO) != 0)));
  }
  if (result.hits.empty()) return fail(Code::not_found, "nothing was found");
  return {};
}

}  // namespace lode::apps

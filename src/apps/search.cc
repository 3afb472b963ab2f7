// `lode search`: finds in an index what a query asks for.
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/command.h"
#include "apps/index_query.h"
#include "apps/model_store.h"
#include "apps/process.h"
#include "apps/served_answer.h"
#include "apps/served_note.h"
#include "search/searcher.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct SearchOptions {
  std::vector<std::string> words;
  std::string folder;
  std::string mode = "hybrid";
  bool ignore_case = false;
  bool no_server = false;
  IndexQueryOptions index;
};

// `lode search words... DIR`: the last word is a folder where it names one as a path, or one with an index of its own.
bool is_folder_word(const std::string& word, const IndexQueryOptions& options) {
  std::error_code error;
  const bool is_path = word == "." || word == ".." || word.find('/') != std::string::npos;
  if (fs::is_directory(word, error)) return is_path || is_indexed(word, options);
  if (word.starts_with('/') || word.starts_with("./") || word.starts_with("../")) {
    print_message(fmt::format("{} is no folder: taken for a word of the query", word));
  }
  return false;
}

Result<search::SearchQuery> make_query(const SearchOptions& options, const FoundIndex& found) {
  search::SearchQuery out;
  if (options.words.size() == 1 && options.words.front() == "-") {
    out.text.assign(std::istreambuf_iterator<char>(std::cin), {});
    // The end of its last line, which `echo` puts there.
    if (out.text.ends_with('\n')) out.text.pop_back();
    if (out.text.ends_with('\r')) out.text.pop_back();
  } else {
    out.text = fmt::format("{}", fmt::join(options.words, " "));
  }
  out.mode = *search::mode_named(options.mode);
  out.ignore_case = options.ignore_case;
  LODE_TRY(set_filters(options.index, out));
  out.below = found.below;
  return out;
}

bool asks_vectors(const search::SearchQuery& query) {
  return query.mode == search::Mode::dense || query.mode == search::Mode::hybrid;
}

// What a search of this process would depend on; "" for what no server is like.
std::string own_vectors_key(const SubjectOptions& options) {
  if (!options.endpoint.empty()) return {};
  const auto folder = resolve_model(options.model.model);
  if (!folder) return {};
  fs::path cache;
  if (!options.no_cache) {
    const auto kept = vector_cache_folder(options.cache);
    if (!kept) return {};
    cache = *kept;
  }
  return vectors_key(*folder, options.model.dtype, cache);
}

// Of a server that has the folder open and would answer just as this process does: it has loaded already what this one
// would have to.
std::optional<ServedAnswer> search_served(const SearchOptions& options, const IndexPlace& place,
                                          const search::SearchQuery& query, const Globals& globals) {
  // Over HTTP a folder is one of the globs, of which one is enough.
  const bool is_sayable = query.below.empty() || (query.paths.empty() && !query.below.starts_with('!'));
  if (options.no_server || !is_sayable) return std::nullopt;
  const auto note = find_note(place);
  if (!note || note->version != LODE_VERSION) return std::nullopt;
  if (asks_vectors(query) && (note->vectors.empty() || note->vectors != own_vectors_key(options.index.model))) {
    return std::nullopt;
  }
  return ask_server(*note, query, globals.quiet);
}

Status run_search(SearchOptions options, const Globals& globals) {
  if (options.folder.empty() && options.words.size() > 1 && is_folder_word(options.words.back(), options.index)) {
    options.folder = options.words.back();
    options.words.pop_back();
  }
  LODE_ASSIGN(FoundIndex found, find_index(options.folder, options.index));
  LODE_ASSIGN(const search::SearchQuery query, make_query(options, found));
  if (const auto served = search_served(options, found.place, query, globals)) {
    const search::SearchedIndex about = {.index = found.place.index.string(),
                                         .folder = found.place.root.folder,
                                         .commit = "",
                                         .n_files = served->n_files,
                                         .n_chunks = served->n_chunks};
    return print_hits(query, served->result, about, globals);
  }
  LODE_ASSIGN(OpenedIndex opened, open_index(std::move(found)));
  if (asks_vectors(query)) {
    LODE_TRY(open_vectors(opened, options.index, globals, query.mode == search::Mode::dense));
  }
  LODE_ASSIGN(const search::SearchResult result, opened.searcher->search(query));
  return print_hits(query, result, describe(opened), globals);
}

}  // namespace

void add_search(Commands& commands) {
  const auto options = std::make_shared<SearchOptions>();
  CLI::App& app = commands.add("search", "Find code and text in an index",
                               "lode search 'where is the session token checked?' ~/src/project",
                               [options, &commands] { return run_search(*options, commands.globals()); });
  app.add_option("query", options->words,
                 "what to look for: words, a question, a name, an error message; - is stdin. A folder behind it is "
                 "where to look")
      ->required()
      ->type_name("QUERY...");
  app.add_option("--dir", options->folder, "the folder that was indexed, or one within it (default: this one)")
      ->type_name("DIR");
  add_index_options(app, options->index);
  app.add_option("--mode", options->mode, "how to look")
      ->check(CLI::IsMember({"hybrid", "lexical", "dense", "bm25", "symbol", "exact", "regex"}))
      ->type_name("MODE")
      ->capture_default_str();
  add_filter_options(app, options->index);
  add_subject_options(app, options->index.model);
  app.add_flag("--no-server", options->no_server, "search by itself, though a lode serve --index has the folder open");
  app.add_flag("-i,--ignore-case", options->ignore_case, "of --mode exact and regex");
}

}  // namespace lode::apps

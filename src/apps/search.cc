// `lode search`: finds in an index what a query asks for.
#include <filesystem>
#include <iostream>
#include <iterator>
#include <memory>
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
#include "search/searcher.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct SearchOptions {
  std::vector<std::string> words;
  std::string folder;
  std::string mode = "hybrid";
  bool ignore_case = false;
  IndexQueryOptions index;
};

// `lode search words... DIR`: the last word is a folder where it can be nothing else.
bool is_folder_word(const std::string& word) {
  std::error_code error;
  const bool looks_so = word == "." || word == ".." || word.find('/') != std::string::npos;
  return looks_so && fs::is_directory(word, error);
}

Result<search::SearchQuery> make_query(const SearchOptions& options, const OpenedIndex& opened) {
  search::SearchQuery out;
  if (options.words.size() == 1 && options.words.front() == "-") {
    out.text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    out.text = fmt::format("{}", fmt::join(options.words, " "));
  }
  out.mode = *search::mode_named(options.mode);
  out.ignore_case = options.ignore_case;
  LODE_TRY(set_filters(options.index, out));
  if (!opened.below.empty()) out.paths.push_back(opened.below);
  return out;
}

Status run_search(SearchOptions options, const Globals& globals) {
  if (options.folder.empty() && options.words.size() > 1 && is_folder_word(options.words.back())) {
    options.folder = options.words.back();
    options.words.pop_back();
  }
  LODE_ASSIGN(OpenedIndex opened, open_index(options.folder, options.index));
  LODE_ASSIGN(const search::SearchQuery query, make_query(options, opened));
  const bool is_dense = query.mode == search::Mode::dense;
  if (is_dense || query.mode == search::Mode::hybrid) {
    LODE_TRY(open_vectors(opened, options.index, globals, is_dense));
  }
  LODE_ASSIGN(const search::SearchResult result, opened.searcher->search(query));
  return print_hits(query, result, opened, globals);
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
  app.add_flag("-i,--ignore-case", options->ignore_case, "of --mode exact and regex");
}

}  // namespace lode::apps

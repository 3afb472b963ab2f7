// `lode search`: finds in an index what a query asks for.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apps/command.h"
#include "apps/index_store.h"
#include "apps/process.h"
#include "apps/search_model.h"
#include "search/search_json.h"
#include "search/searcher.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct SearchOptions {
  std::vector<std::string> words;
  std::string folder;
  std::string index;
  std::string commit;
  std::string mode = "hybrid";
  std::vector<std::string> languages;
  std::vector<std::string> kinds;
  std::vector<std::string> paths;
  size_t n_hits = 10;
  int64_t context = -1;
  bool ignore_case = false;
  SubjectOptions model;
};

// `lode search words... DIR`: the last word is a folder where it can be nothing else.
bool is_folder_word(const std::string& word) {
  std::error_code error;
  const bool looks_so = word == "." || word == ".." || word.find('/') != std::string::npos;
  return looks_so && fs::is_directory(word, error);
}

struct Opened {
  std::unique_ptr<search::Searcher> searcher;
  IndexPlace place;
  std::string below;  // the folder that is asked for, within the one that is indexed; "" or with a slash behind it
};

// The index of the folder, or of the nearest folder above it that has one.
Result<Opened> open_index(const SearchOptions& options) {
  const std::string folder = options.folder.empty() ? "." : options.folder;
  LODE_ASSIGN(IndexPlace place, locate_index(folder, options.index, options.commit));
  const fs::path asked = place.root.folder;
  auto searcher = search::Searcher::open(place.index, place.root);
  if (!searcher && searcher.error().code == Code::not_found) {
    for (fs::path above = asked; above.has_relative_path();) {
      above = above.parent_path();
      const auto other = locate_index(above.string(), options.index, options.commit);
      if (!other) break;
      auto found = search::Searcher::open(other->index, other->root);
      if (!found) continue;
      return Opened{*std::move(found), *other, fs::relative(asked, above).string() + "/"};
    }
  }
  if (!searcher) return std::unexpected(std::move(searcher).error());
  return Opened{*std::move(searcher), std::move(place), ""};
}

Result<search::SearchQuery> make_query(const SearchOptions& options, const Opened& opened) {
  search::SearchQuery out;
  if (options.words.size() == 1 && options.words.front() == "-") {
    out.text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    out.text = fmt::format("{}", fmt::join(options.words, " "));
  }
  out.mode = *search::mode_named(options.mode);
  out.n_hits = options.n_hits;
  out.ignore_case = options.ignore_case;
  out.paths = options.paths;
  if (!opened.below.empty()) out.paths.push_back(opened.below);
  if (options.context >= 0) out.context = static_cast<size_t>(options.context);
  for (const std::string& name : options.languages) {
    const auto language = code::language_named(name);
    if (!language) {
      return fail(Code::invalid_argument, fmt::format("--lang {} is no language that is known", name),
                  "Give a name or an extension: python, py, rs, md ...");
    }
    out.languages.push_back(*language);
  }
  for (const std::string& name : options.kinds) {
    const size_t before = out.kinds.size();
    for (size_t i = 0; i < code::kSymbolKinds; ++i) {
      const auto kind = static_cast<code::SymbolKind>(i);
      if (code::name_of(kind) == name) out.kinds.push_back(kind);
    }
    if (out.kinds.size() == before) {
      return fail(Code::invalid_argument, fmt::format("--kind {} is no kind of symbol", name),
                  "They are module, class, interface, struct, enum, type, function, method, constant, macro, heading.");
    }
  }
  return out;
}

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

Status run_search(SearchOptions options, const Globals& globals) {
  if (options.folder.empty() && options.words.size() > 1 && is_folder_word(options.words.back())) {
    options.folder = options.words.back();
    options.words.pop_back();
  }
  LODE_ASSIGN(Opened opened, open_index(options));
  LODE_ASSIGN(const search::SearchQuery query, make_query(options, opened));
  std::unique_ptr<SearchModel> model;
  const bool asks_vectors = query.mode == search::Mode::dense || query.mode == search::Mode::hybrid;
  if (asks_vectors && SearchModel::has_vectors(opened.place.index)) {
    auto made = SearchModel::open(options.model, globals, opened.place.index);
    const bool is_asked_for = query.mode == search::Mode::dense || !options.model.model.model.empty();
    if (!made && is_asked_for) return std::unexpected(std::move(made).error());
    if (made) {
      model = *std::move(made);
      LODE_TRY(model->attach(*opened.searcher));
    }
  }
  LODE_ASSIGN(const search::SearchResult result, opened.searcher->search(query));
  if (!result.is_complete && !globals.quiet) {
    print_message("the index is not complete yet: more may be found when it is");
  }
  if (globals.json) {
    LODE_TRY(write_stdout(search::search_json(query, result,
                                              {.index = opened.place.index.string(),
                                               .folder = opened.place.root.folder,
                                               .commit = opened.searcher->reader().commit_id(),
                                               .n_files = opened.searcher->n_files(),
                                               .n_chunks = opened.searcher->reader().n_chunks()})));
  } else {
    LODE_TRY(write_stdout(text_of(result, isatty(STDOUT_FILENO) != 0)));
  }
  if (result.hits.empty()) return fail(Code::not_found, "nothing was found");
  return {};
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
  app.add_option("--index", options->index, "where the index lies (default: indexes/ in LODE_HOME)")->type_name("PATH");
  app.add_option("--commit", options->commit, "search the index of this commit, branch or tag")->type_name("REV");
  app.add_option("-k,--hits", options->n_hits, "most hits")
      ->check(CLI::Range(size_t{1}, size_t{10'000}))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--mode", options->mode, "how to look")
      ->check(CLI::IsMember({"hybrid", "lexical", "dense", "bm25", "symbol", "exact", "regex"}))
      ->type_name("MODE")
      ->capture_default_str();
  app.add_option("--lang", options->languages, "only files of this language; several may be given")->type_name("LANG");
  app.add_option("--path", options->paths, "only paths that match this glob ('src/**', '*.py'); '!GLOB' leaves out")
      ->type_name("GLOB");
  app.add_option("--kind", options->kinds, "only within symbols of this kind (class, function, method ...)")
      ->type_name("KIND");
  app.add_option("--context", options->context, "lines around the best line (default: 3, 1 or 0, by mode)")
      ->check(CLI::Range(int64_t{0}, int64_t{1000}))
      ->type_name("N");
  add_subject_options(app, options->model);
  app.add_flag("-i,--ignore-case", options->ignore_case, "of --mode exact and regex");
}

}  // namespace lode::apps

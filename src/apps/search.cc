// `lode search`: finds in an index what a query asks for.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
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
#include "apps/model_store.h"
#include "apps/process.h"
#include "apps/search_model.h"
#include "apps/served_answer.h"
#include "apps/served_note.h"
#include "search/search_json.h"
#include "search/searcher.h"
#include "search/vector_file.h"

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
  bool no_server = false;
  SubjectOptions model;
};

// `lode search words... DIR`: the last word is a folder where it can be nothing else.
bool is_folder_word(const std::string& word) {
  std::error_code error;
  const bool looks_so = word == "." || word == ".." || word.find('/') != std::string::npos;
  return looks_so && fs::is_directory(word, error);
}

Result<search::SearchQuery> make_query(const SearchOptions& options) {
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

struct Found {
  search::SearchResult result;
  search::SearchedIndex about;
};

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
std::optional<Found> search_served(const SearchOptions& options, const IndexPlace& place,
                                   const search::SearchQuery& query, const Globals& globals) {
  if (options.no_server) return std::nullopt;
  const auto note = find_note(place);
  if (!note || note->version != LODE_VERSION) return std::nullopt;
  if (asks_vectors(query) && (note->vectors.empty() || note->vectors != own_vectors_key(options.model))) {
    return std::nullopt;
  }
  auto answer = ask_server(*note, query, globals.quiet);
  if (!answer) return std::nullopt;
  return Found{.result = std::move(answer->result),
               .about = {.index = place.index.string(),
                         .folder = place.root.folder,
                         .commit = "",
                         .n_files = answer->n_files,
                         .n_chunks = answer->n_chunks}};
}

Result<Found> search_alone(const SearchOptions& options, const IndexPlace& place, search::Searcher& searcher,
                           const search::SearchQuery& query, const Globals& globals) {
  std::unique_ptr<SearchModel> model;
  if (asks_vectors(query) && search::VectorFile::any_in(place.index)) {
    auto made = SearchModel::open(options.model, globals, place.index);
    const bool is_asked_for = query.mode == search::Mode::dense || !options.model.model.model.empty();
    if (!made && is_asked_for) return std::unexpected(std::move(made).error());
    if (made) {
      model = *std::move(made);
      LODE_TRY(model->attach(searcher));
    }
  }
  LODE_ASSIGN(search::SearchResult result, searcher.search(query));
  return Found{.result = std::move(result),
               .about = {.index = place.index.string(),
                         .folder = place.root.folder,
                         .commit = searcher.reader().commit_id(),
                         .n_files = searcher.n_files(),
                         .n_chunks = searcher.reader().n_chunks()}};
}

// In the index of the folder, or of the nearest folder above it that has one.
Result<Found> find(const SearchOptions& options, const search::SearchQuery& query, const Globals& globals) {
  LODE_ASSIGN(IndexPlace place,
              locate_index(options.folder.empty() ? "." : options.folder, options.index, options.commit));
  const fs::path asked = place.root.folder;
  search::SearchQuery here = query;
  std::optional<Error> first;
  for (fs::path at = asked;;) {
    if (auto found = search_served(options, place, here, globals)) return *std::move(found);
    auto searcher = search::Searcher::open(place.index, place.root);
    if (searcher) return search_alone(options, place, **searcher, here, globals);
    if (!first) first = searcher.error();
    if (first->code != Code::not_found || !at.has_relative_path()) return std::unexpected(*first);
    at = at.parent_path();
    auto above = locate_index(at.string(), options.index, options.commit);
    if (!above) return std::unexpected(*first);
    place = *std::move(above);
    here.paths = query.paths;
    here.paths.push_back(fs::relative(asked, at).string() + "/");
  }
}

Status run_search(SearchOptions options, const Globals& globals) {
  if (options.folder.empty() && options.words.size() > 1 && is_folder_word(options.words.back())) {
    options.folder = options.words.back();
    options.words.pop_back();
  }
  LODE_ASSIGN(const search::SearchQuery query, make_query(options));
  LODE_ASSIGN(const Found found, find(options, query, globals));
  const search::SearchResult& result = found.result;
  if (!result.is_complete && !globals.quiet) {
    print_message("the index is not complete yet: more may be found when it is");
  }
  if (globals.json) {
    LODE_TRY(write_stdout(search::search_json(query, result, found.about)));
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
  app.add_flag("--no-server", options->no_server, "search by itself, though a lode serve --index has the folder open");
  app.add_flag("-i,--ignore-case", options->ignore_case, "of --mode exact and regex");
}

}  // namespace lode::apps

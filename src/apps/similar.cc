// `lode similar`: finds in an index what is like the code around a line of a file.
#include <charconv>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/index_query.h"
#include "apps/process.h"
#include "search/similar_search.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

struct SimilarOptions {
  std::string place;
  std::string mode = "auto";
  IndexQueryOptions index;
};

struct FileLine {
  std::string file;
  uint32_t line = 0;
};

// FILE:LINE, or FILE:LINE-LINE as hits have it: its first line.
Result<FileLine> parse_place(const std::string& place) {
  const size_t colon = place.rfind(':');
  FileLine out;
  if (colon != std::string::npos && colon > 0) {
    const char* const end = place.data() + place.size();
    const auto [first_end, error] = std::from_chars(place.data() + colon + 1, end, out.line);
    uint32_t last = 0;
    const bool is_range = first_end != end && *first_end == '-';
    const auto [range_end, range_error] = std::from_chars(first_end + (is_range ? 1 : 0), end, last);
    const bool is_whole = is_range ? range_error == std::errc() && range_end == end : first_end == end;
    if (error == std::errc() && is_whole && out.line > 0) {
      out.file = place.substr(0, colon);
      return out;
    }
  }
  return fail(Code::invalid_argument, fmt::format("\"{}\" names no line of a file", place),
              "Give FILE:LINE, lines from 1: src/main.py:12");
}

// Of a file that need not be there (a commit may have it): its nearest folder that is there, and the rest below that.
// Links in the folder's own path are followed, the file itself may be one.
Result<std::pair<fs::path, fs::path>> folder_and_rest(const std::string& file) {
  std::error_code error;
  const fs::path whole = fs::absolute(file, error).lexically_normal();
  fs::path folder = whole.parent_path();
  while (!error && folder.has_relative_path() && !fs::is_directory(folder, error)) {
    error.clear();
    folder = folder.parent_path();
  }
  error.clear();
  const fs::path real = fs::canonical(folder, error);
  if (error) {
    return fail(Code::not_found, fmt::format("there is no folder {}: {}", folder.string(), error.message()),
                "Name a file that is there.");
  }
  return std::pair(real, whole.lexically_relative(folder));
}

Result<OpenedIndex> open_around(const fs::path& folder, const SimilarOptions& options, std::string_view file) {
  LODE_ASSIGN(FoundIndex found, find_index(folder.string(), options.index));
  auto opened = open_index(std::move(found));
  if (opened || opened.error().code != Code::not_found) return opened;
  const std::string where = options.index.index.empty() ? "" : fmt::format(" in {}", options.index.index);
  const std::string when = options.index.commit.empty() ? "" : fmt::format(" at {}", options.index.commit);
  return fail(Code::not_found, fmt::format("{} is in no folder that is indexed{}{}", file, when, where),
              "Index its folder first: lode index DIR, with the same --index.");
}

// Why a file has no chunks to start from.
std::unexpected<Error> not_indexed(search::IndexReader& reader, std::string_view path, const IndexPlace& place) {
  const auto files = reader.files();
  if (!files) return std::unexpected(files.error());
  for (const search::IndexedFile& file : *files) {
    if (file.path != path) continue;
    return fail(Code::not_found, fmt::format("{} is left out of the index: {}", path, search::name_of(file.skip)),
                "Start from a file of code or text.");
  }
  return fail(Code::not_found, fmt::format("the index of {} has no file {}", place.root.folder, path),
              "It is new, ignored, or spelt otherwise: lode index brings the index up to date.");
}

void note_change(const search::IndexedFile& file, const fs::path& path) {
  std::error_code error;
  const uint64_t n_bytes = fs::file_size(path, error);
  if (error || n_bytes == file.n_bytes) return;
  print_message(fmt::format("{} has changed since it was indexed, and lines may have moved: lode index", file.path));
}

Status run_similar(const SimilarOptions& options, const Globals& globals) {
  LODE_ASSIGN(const FileLine asked, parse_place(options.place));
  LODE_ASSIGN(const auto place, folder_and_rest(asked.file));
  LODE_ASSIGN(OpenedIndex opened, open_around(place.first, options, asked.file));
  const std::string path = opened.below + place.second.string();
  const search::IndexedFile* const file = opened.searcher->find(path);
  if (file == nullptr) return not_indexed(opened.searcher->reader(), path, opened.place);
  if (options.index.commit.empty() && !globals.quiet) note_change(*file, place.first / place.second);

  search::SearchQuery query;
  LODE_TRY(set_filters(options.index, query));
  query.mode = options.mode == "auto" ? search::Mode::hybrid : *search::mode_named(options.mode);
  if (query.mode != search::Mode::bm25) {
    LODE_TRY(open_vectors(opened, options.index, globals, query.mode == search::Mode::dense));
  }
  LODE_ASSIGN(const search::SearchResult result, find_similar(*opened.searcher, path, asked.line, query));
  if (result.mode == search::Mode::bm25 && opened.searcher->n_vectors() > 0 && !globals.quiet) {
    print_message(fmt::format("line {} of {} has no vector yet: its words were looked for", asked.line, path));
  }
  query.text = fmt::format("{}:{}", path, asked.line);
  query.mode = result.mode;
  return print_hits(query, result, describe(opened), globals);
}

}  // namespace

void add_similar(Commands& commands) {
  const auto options = std::make_shared<SimilarOptions>();
  CLI::App& app = commands.add("similar", "Find code that is like that around a line", "lode similar src/session.py:42",
                               [options, &commands] { return run_similar(*options, commands.globals()); });
  app.add_option("place", options->place, "FILE:LINE in an indexed folder: the chunk around that line is looked for")
      ->required()
      ->type_name("FILE");
  add_index_options(app, options->index);
  app.add_option("--mode", options->mode,
                 "by the cosine of vectors (dense) or by the most telling words (bm25); auto: dense where the chunk "
                 "has a vector")
      ->check(CLI::IsMember({"auto", "dense", "bm25"}))
      ->type_name("MODE")
      ->capture_default_str();
  add_filter_options(app, options->index);
  add_subject_options(app, options->index.model);
}

}  // namespace lode::apps

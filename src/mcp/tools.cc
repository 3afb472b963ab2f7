#include "mcp/tools.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/excerpt.h"
#include "mcp/cursor.h"
#include "mcp/file_answers.h"
#include "mcp/hits_answer.h"
#include "mcp/tool_cards.h"

namespace lode::mcp {
namespace {

constexpr size_t kMostQueryBytes = 100'000;

// What answers of several pages share.
struct Paging {
  size_t n_entries = 10;
  size_t max_tokens = kDefaultTokens;
  size_t offset = 0;
  std::string question;
};

Paging read_paging(std::string_view tool, Arguments& arguments, int64_t default_limit) {
  Paging out;
  out.n_entries = static_cast<size_t>(arguments.integer("limit", 1, 100).value_or(default_limit));
  out.max_tokens =
      static_cast<size_t>(arguments.integer("max_tokens", kLeastTokens, kMostTokens).value_or(kDefaultTokens));
  out.question = std::string(tool) + " " + arguments.fingerprint("cursor");
  if (const auto cursor = arguments.text("cursor")) {
    const auto offset = offset_of(*cursor, out.question);
    if (offset) {
      out.offset = *offset;
    } else {
      arguments.refuse(offset.error().message, offset.error().hint);
    }
  }
  return out;
}

void read_languages(Arguments& arguments, search::SearchQuery& query) {
  for (const std::string& name : arguments.texts("lang")) {
    const auto language = code::language_named(name);
    if (!language) {
      arguments.refuse(fmt::format("lang \"{}\" is no language that is known", excerpt(name)),
                       "Give a name or an extension: python, py, rs, md ...");
      return;
    }
    query.languages.push_back(*language);
  }
}

void read_kinds(Arguments& arguments, search::SearchQuery& query) {
  for (const std::string& name : arguments.texts("kind")) {
    if (const auto kind = code::kind_named(name)) {
      query.kinds.push_back(*kind);
      continue;
    }
    arguments.refuse(fmt::format("kind \"{}\" is no kind of symbol", excerpt(name)),
                     fmt::format("There are: {}.", fmt::join(code::kind_names(), ", ")));
    return;
  }
}

ToolAnswer page_of_hits(const Paging& paging, std::string_view mode, const search::SearchResult& result,
                        const search::Library& library) {
  return answer_hits({.mode = mode,
                      .result = result,
                      .offset = paging.offset,
                      .n_hits = paging.n_entries,
                      .max_tokens = paging.max_tokens,
                      .question = paging.question,
                      .note = freshness_note(library, result.n_vectors.has_value())});
}

}  // namespace

std::string freshness_note(const search::Library& library, bool of_vectors) {
  std::string out;
  for (size_t i = 0; i < library.size(); ++i) {
    const search::LiveIndex::State state = library.at(i).state();
    std::string one;
    if (state.is_indexing) {
      one = fmt::format("The index of {} is being brought up to date ({} of {} files): more may be found in a moment.",
                        library.name(i), state.n_done, state.n_files);
    } else if (state.error) {
      one = fmt::format("The index of {} could not be brought up to date: {}", library.name(i), state.error->line());
    } else if (of_vectors && state.is_filling) {
      one = fmt::format("Vectors of {} are being made ({} chunks have one): searches use those that there are.",
                        library.name(i), state.n_vectors.value_or(0));
    }
    if (!one.empty()) out += (out.empty() ? "" : " ") + one;
  }
  return out;
}

Tools::Tools(search::Library& library) : library_(library), cards_(tool_cards()) {}

bool Tools::has(std::string_view name) const {
  return std::ranges::find(cards_, name, &ToolCard::name) != cards_.end();
}

Result<ToolAnswer> Tools::call(std::string_view name, std::optional<json::Value> arguments) {
  Arguments read(arguments);
  if (name == "search") return search(read);
  if (name == "similar") return similar(read);
  if (name == "read_lines") return read_lines(read);
  if (name == "symbols") return symbols(read);
  LODE_CHECK(name == "status");
  return status(read);
}

Result<ToolAnswer> Tools::search(Arguments& arguments) {
  search::SearchQuery query;
  query.text = arguments.required_text("query");
  if (query.text.size() > kMostQueryBytes) {
    arguments.refuse(fmt::format("query has {} bytes, {} are the most", query.text.size(), kMostQueryBytes),
                     "Give what is most telling of it.");
  }
  if (const auto mode = arguments.text("mode")) {
    const auto known = search::mode_named(*mode);
    if (!known) {
      arguments.refuse(fmt::format("mode \"{}\" is none", excerpt(*mode)),
                       "There are: hybrid, lexical, dense, bm25, symbol, exact, regex.");
    } else {
      query.mode = *known;
    }
  }
  query.paths = arguments.texts("path");
  read_languages(arguments, query);
  read_kinds(arguments, query);
  const Paging paging = read_paging("search", arguments, 10);
  LODE_TRY(arguments.status());
  query.n_hits = paging.offset + paging.n_entries + 1;
  LODE_ASSIGN(const search::SearchResult result, library_.search(query));
  return page_of_hits(paging, search::name_of(query.mode), result, library_);
}

Result<ToolAnswer> Tools::similar(Arguments& arguments) {
  const std::string path = arguments.required_text("path");
  const auto line = arguments.integer("line", 1, 100'000'000);
  if (!line) arguments.refuse("line is missing", "Give a line of the file.");
  const Paging paging = read_paging("similar", arguments, 10);
  LODE_TRY(arguments.status());
  search::SearchQuery query;
  query.n_hits = paging.offset + paging.n_entries + 1;
  LODE_ASSIGN(const search::SearchResult result,
              library_.similar(path, static_cast<uint32_t>(line.value_or(1)), query));
  return page_of_hits(paging, "similar", result, library_);
}

Result<ToolAnswer> Tools::read_lines(Arguments& arguments) {
  const std::string path = arguments.required_text("path");
  LineRange range;
  range.start = static_cast<size_t>(arguments.integer("start", 1, 100'000'000).value_or(1));
  const auto end = arguments.integer("end", 1, 100'000'000);
  if (end) range.end = static_cast<size_t>(*end);
  if (range.end && *range.end < range.start) {
    arguments.refuse(fmt::format("end {} is before start {}", *range.end, range.start));
  }
  range.max_tokens =
      static_cast<size_t>(arguments.integer("max_tokens", kLeastTokens, kMostTokens).value_or(kDefaultTokens));
  LODE_TRY(arguments.status());
  LODE_ASSIGN(const search::Library::File file, library_.file(path));
  return answer_lines(file, range);
}

Result<ToolAnswer> Tools::symbols(Arguments& arguments) {
  const auto path = arguments.text("path");
  const auto name = arguments.text("name");
  if (path.has_value() == name.has_value()) {
    arguments.refuse("symbols needs a path or a name, one of them", "Give path for a file's, name for one anywhere.");
  }
  const Paging paging = read_paging("symbols", arguments, 50);
  LODE_TRY(arguments.status());
  SymbolsPage page{.entries = {},
                   .n_found = 0,
                   .offset = paging.offset,
                   .n_entries = paging.n_entries,
                   .max_tokens = paging.max_tokens,
                   .question = paging.question,
                   .note = freshness_note(library_)};
  if (path) {
    LODE_ASSIGN(const search::Library::File file, library_.file(*path));
    page.entries = symbols_of(file);
    page.n_found = page.entries.size();
    return answer_symbols(page);
  }
  search::SearchQuery query;
  query.text = *name;
  query.mode = search::Mode::symbol;
  query.context = 0;
  query.n_hits = paging.offset + paging.n_entries + 1;
  LODE_ASSIGN(const search::SearchResult result, library_.search(query));
  page.entries = symbols_of(result);
  page.n_found = result.n_found;
  page.note = freshness_note(library_);
  return answer_symbols(page);
}

Result<ToolAnswer> Tools::status(Arguments& arguments) {
  LODE_TRY(arguments.status());
  return answer_status(library_);
}

}  // namespace lode::mcp

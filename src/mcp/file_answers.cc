#include "mcp/file_answers.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "code/language.h"
#include "mcp/cursor.h"
#include "mcp/message.h"

namespace lode::mcp {
namespace {

constexpr size_t kAroundBytes = 300;     // of an answer, beside what it lists
constexpr size_t kMostLineBytes = 2000;  // of one line, more is cut

size_t bytes_of_tokens(size_t max_tokens) {
  return std::max(max_tokens * kBytesPerToken, kAroundBytes) - kAroundBytes;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// At a character's end.
std::string_view cut(std::string_view line, size_t n_bytes) {
  if (line.size() <= n_bytes) return line;
  while (n_bytes > 0 && (static_cast<unsigned char>(line[n_bytes]) & 0xC0U) == 0x80) --n_bytes;
  return line.substr(0, n_bytes);
}

}  // namespace

Result<ToolAnswer> answer_lines(const search::Library::File& file, const LineRange& range) {
  const std::vector<std::string_view> lines = lines_of(file.text);
  if (range.start > std::max<size_t>(lines.size(), 1)) {
    return fail(Code::invalid_argument,
                fmt::format("start {} is beyond the end: {} has {} lines", range.start, file.path, lines.size()),
                "Give a line within the file.");
  }
  const size_t wanted_end = std::min(range.end.value_or(lines.size()), lines.size());
  const size_t budget = bytes_of_tokens(range.max_tokens);
  std::string plain, numbered;
  size_t n_escaped = 0;
  size_t end = range.start - 1;  // the last line that is told
  bool was_cut = false;
  while (end < wanted_end) {
    const std::string_view line = cut(lines[end], kMostLineBytes);
    // As JSON has it, with its escapes.
    const size_t cost = line_of(std::string(line)).size() + 1;
    if (end >= range.start && std::max(n_escaped + cost, numbered.size() + line.size() + 9) > budget) break;
    was_cut = was_cut || line.size() < lines[end].size();
    n_escaped += cost;
    plain += line;
    plain += '\n';
    ++end;
    fmt::format_to(std::back_inserter(numbered), "{:>6}  {}\n", end, line);
  }
  ToolAnswer out;
  out.structured = {{"path", file.path},         {"language", code::name_of(file.language)},
                    {"start_line", range.start}, {"end_line", end},
                    {"n_lines", lines.size()},   {"text", plain},
                    {"next_start", nullptr}};
  out.text = fmt::format("{}, lines {}-{} of {}\n{}", file.path, range.start, end, lines.size(), numbered);
  if (was_cut) fmt::format_to(std::back_inserter(out.text), "Lines of more than {} bytes are cut.\n", kMostLineBytes);
  if (end < wanted_end) {
    out.structured["next_start"] = end + 1;
    fmt::format_to(std::back_inserter(out.text),
                   "Left out to stay within max_tokens: lines {}-{}. Go on with start {}.\n", end + 1, wanted_end,
                   end + 1);
  }
  return out;
}

std::vector<SymbolEntry> symbols_of(const search::Library::File& file) {
  std::vector<SymbolEntry> out;
  for (size_t i = 0; i < file.symbols.size(); ++i) {
    const code::Symbol& one = file.symbols[i];
    out.push_back({.path = file.path,
                   .name = code::qualified_name(file.symbols, static_cast<int32_t>(i)),
                   .kind = code::name_of(one.kind),
                   .start_line = one.line,
                   .end_line = one.end_line,
                   .signature = code::signature(file.text, one)});
  }
  return out;
}

std::vector<SymbolEntry> symbols_of(const search::SearchResult& result) {
  std::vector<SymbolEntry> out;
  for (const search::Hit& hit : result.hits) {
    std::string_view line = std::string_view(hit.snippet).substr(0, hit.snippet.find('\n'));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    out.push_back({.path = hit.path,
                   .name = hit.symbol,
                   .kind = hit.kind,
                   .start_line = hit.first_line,
                   .end_line = hit.last_line,
                   .signature = std::string(line)});
  }
  return out;
}

ToolAnswer answer_symbols(const SymbolsPage& page) {
  const size_t first = std::min(page.offset, page.entries.size());
  const size_t wanted = std::min(first + page.n_entries, page.entries.size());
  const size_t budget = bytes_of_tokens(page.max_tokens);
  ordered_json list = ordered_json::array();
  std::string text;
  size_t cost = 0;
  size_t end = first;
  for (; end < wanted; ++end) {
    const SymbolEntry& one = page.entries[end];
    ordered_json json{{"path", one.path},         {"name", one.name},
                      {"kind", one.kind},         {"start_line", one.start_line},
                      {"end_line", one.end_line}, {"signature", one.signature}};
    const std::string line =
        fmt::format("{}:{}-{}  {} {}  {}\n", one.path, one.start_line, one.end_line, one.kind, one.name, one.signature);
    cost += std::max(line_of(json).size() + 1, line.size());
    if (cost > budget && end > first) break;
    text += line;
    list.push_back(std::move(json));
  }
  const size_t n_found = std::max(page.n_found, page.entries.size());
  ToolAnswer out;
  out.structured = {{"symbols", std::move(list)}, {"n_found", n_found}, {"next_cursor", nullptr}, {"note", nullptr}};
  out.text = first == end ? "No definitions.\n" : fmt::format("Definitions {}-{} of {}.\n", first + 1, end, n_found);
  out.text += text;
  if (end < wanted) {
    fmt::format_to(std::back_inserter(out.text), "Left out to stay within max_tokens: {} definitions.\n", wanted - end);
  }
  if (end < page.entries.size() && end <= kMostOffset) {
    const std::string cursor = cursor_of(end, page.question);
    out.structured["next_cursor"] = cursor;
    fmt::format_to(std::back_inserter(out.text), "More: the same call with cursor \"{}\".\n", cursor);
  }
  if (!page.note.empty()) {
    out.structured["note"] = page.note;
    out.text += page.note + "\n";
  }
  return out;
}

ordered_json index_states(search::Library& library) {
  ordered_json out = ordered_json::array();
  for (size_t i = 0; i < library.size(); ++i) {
    const auto status = library.status(i);
    const search::LiveIndex::State state = status ? status->state : library.at(i).state();
    ordered_json one{{"name", library.name(i)},
                     {"folder", library.at(i).options().root.folder},
                     {"files", status ? status->about.n_files : 0},
                     {"chunks", status ? status->about.n_chunks : 0},
                     {"vectors", nullptr},
                     {"complete", status && status->is_complete},
                     {"indexing", state.is_indexing},
                     {"embedding", state.is_filling},
                     {"files_done", state.n_done},
                     {"files_to_do", state.n_files},
                     {"updated", nullptr},
                     {"error", nullptr}};
    if (state.updated_s > 0) one["updated"] = state.updated_s;
    if (state.n_vectors) one["vectors"] = *state.n_vectors;
    if (!status) {
      one["error"] = status.error().line();
    } else if (state.error) {
      one["error"] = state.error->line();
    } else if (state.vectors_error) {
      one["error"] = "vectors: " + state.vectors_error->line();
    }
    out.push_back(std::move(one));
  }
  return out;
}

ToolAnswer answer_status(search::Library& library) {
  ToolAnswer out;
  ordered_json states = index_states(library);
  for (const ordered_json& one : states) {
    fmt::format_to(std::back_inserter(out.text), "{}: {}, {} files, {} chunks, {}", one["name"].get<std::string>(),
                   one["folder"].get<std::string>(), one["files"].get<size_t>(), one["chunks"].get<size_t>(),
                   one["complete"].get<bool>() ? "complete" : "not complete yet");
    if (one["indexing"].get<bool>()) {
      fmt::format_to(std::back_inserter(out.text), ", indexing {} of {} files", one["files_done"].get<size_t>(),
                     one["files_to_do"].get<size_t>());
    }
    if (!one["vectors"].is_null()) {
      fmt::format_to(std::back_inserter(out.text), ", {} chunks have vectors", one["vectors"].get<size_t>());
    }
    if (!one["error"].is_null()) out.text += ", error: " + one["error"].get<std::string>();
    out.text += '\n';
  }
  out.structured = {{"indexes", std::move(states)}};
  return out;
}

}  // namespace lode::mcp

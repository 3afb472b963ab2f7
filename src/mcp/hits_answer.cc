#include "mcp/hits_answer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "mcp/cursor.h"
#include "mcp/message.h"
#include "search/search_json.h"

namespace lode::mcp {
namespace {

using search::Hit;

constexpr size_t kMostCopies = 5;  // shown

std::string hit_text(const Hit& hit, bool has_snippet) {
  std::string out = fmt::format("{}:{}-{}", hit.path, hit.first_line, hit.last_line);
  if (!hit.symbol.empty()) out += fmt::format("  {} {}", hit.kind, hit.symbol);
  if (!hit.why.empty()) out += fmt::format("\n  why: {}", fmt::join(hit.why, "; "));
  if (!hit.copies.empty()) out += fmt::format("\n  the same in {}", fmt::join(hit.copies, ", "));
  out += '\n';
  if (!has_snippet) return out;
  uint32_t line = hit.snippet_line;
  std::string_view rest = hit.snippet;
  while (true) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    fmt::format_to(std::back_inserter(out), "{:>6}  {}\n", line++, rest.substr(0, end));
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return out;
}

// A hit in both forms, with and without its snippet, and what each costs.
struct Measured {
  ordered_json json;
  std::string text, short_text;
  size_t full = 0, bare = 0;
};

Measured measure(Hit hit) {
  if (hit.copies.size() > kMostCopies) hit.copies.resize(kMostCopies);
  Measured out;
  out.json = search::hit_json(hit);
  if (hit.copies.empty()) out.json.erase("copies");
  out.text = hit_text(hit, true);
  out.short_text = hit_text(hit, false);
  out.full = std::max(line_of(out.json).size(), out.text.size()) + 1;
  ordered_json bare = out.json;
  bare["snippet"] = nullptr;
  out.bare = std::max(line_of(bare).size(), out.short_text.size()) + 1;
  return out;
}

}  // namespace

ToolAnswer answer_hits(const HitsPage& page) {
  const std::vector<Hit>& all = page.result.hits;
  const size_t first = std::min(page.offset, all.size());
  const size_t end = std::min(first + page.n_hits, all.size());
  // What stands around the hits.
  const size_t around = 300 + page.note.size() * 2;
  const size_t budget = std::max(page.max_tokens * kBytesPerToken, around) - around;

  std::vector<Measured> hits;
  size_t cost = 0;
  for (size_t i = first; i < end; ++i) {
    hits.push_back(measure(all[i]));
    cost += hits.back().full;
  }
  const size_t n_asked = hits.size();
  size_t n_full = n_asked;  // hits that keep their snippets
  while (cost > budget && n_full > 0) {
    --n_full;
    cost = cost - hits[n_full].full + hits[n_full].bare;
  }
  while (cost > budget && hits.size() > 1) {
    cost -= hits.back().bare;
    hits.pop_back();
  }
  const size_t n_snippets_left_out = hits.size() - std::min(n_full, hits.size());
  const size_t n_hits_left_out = n_asked - hits.size();

  ToolAnswer out;
  ordered_json list = ordered_json::array();
  std::string body;
  for (size_t i = 0; i < hits.size(); ++i) {
    if (i >= n_full) hits[i].json["snippet"] = nullptr;
    body += '\n';
    body += i < n_full ? hits[i].text : hits[i].short_text;
    list.push_back(std::move(hits[i].json));
  }
  const size_t next = first + hits.size();
  const bool goes_on = next < all.size() && next <= kMostOffset;
  const size_t n_found = std::max(page.result.n_found, all.size());
  out.structured = {{"mode", page.mode},
                    {"n_found", n_found},
                    {"complete", page.result.is_complete},
                    {"hits", std::move(list)},
                    {"next_cursor", nullptr},
                    {"snippets_left_out", n_snippets_left_out},
                    {"hits_left_out", n_hits_left_out},
                    {"note", nullptr}};
  out.text = hits.empty() ? fmt::format("Nothing {}found ({}).\n", page.offset > 0 ? "more is " : "was ", page.mode)
                          : fmt::format("Hits {}-{} of {} ({}).\n", first + 1, next, n_found, page.mode);
  out.text += body;
  if (n_snippets_left_out + n_hits_left_out > 0) {
    fmt::format_to(std::back_inserter(out.text), "\nLeft out to stay within max_tokens: {} snippets, {} hits.\n",
                   n_snippets_left_out, n_hits_left_out);
  }
  if (goes_on) {
    const std::string cursor = cursor_of(next, page.question);
    out.structured["next_cursor"] = cursor;
    fmt::format_to(std::back_inserter(out.text), "\nMore: the same call with cursor \"{}\".\n", cursor);
  }
  if (!page.note.empty()) {
    out.structured["note"] = page.note;
    fmt::format_to(std::back_inserter(out.text), "\n{}\n", page.note);
  }
  return out;
}

}  // namespace lode::mcp

#include "search/symbol_search.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "search/segment_builder.h"
#include "search/snippet.h"

namespace lode::search {
namespace {

constexpr size_t kMostNames = 2000;  // that begin so, or have it within

}  // namespace

Result<std::vector<SymbolSearch::Found>> SymbolSearch::find(const std::string& name) {
  std::vector<Found> out;
  const auto add = [&](std::vector<Definition> definitions, std::optional<int> tier) {
    for (Definition& definition : definitions) {
      if (!query_.kinds.empty() && std::ranges::find(query_.kinds, definition.kind) == query_.kinds.end()) continue;
      const int own = tier.value_or(definition.name == name ? 0 : 1);
      out.push_back({own, std::move(definition)});
    }
  };
  LODE_ASSIGN(auto any_case, searcher_.reader_->definitions(name));
  add(std::move(any_case), std::nullopt);
  std::string lower = definition_key(name);
  lower.resize(lower.find('\0'));
  std::set<std::string> begin_so, have_it;
  LODE_TRY(searcher_.reader_->each_term(Dictionary::definitions, [&](std::string_view key) {
    const std::string_view one = key.substr(0, key.find('\0'));
    if (one == lower) return;
    if (one.starts_with(lower) && begin_so.size() < kMostNames) {
      begin_so.emplace(one);
    } else if (one.find(lower) != std::string_view::npos && have_it.size() < kMostNames) {
      have_it.emplace(one);
    }
  }));
  int tier = 2;
  for (const std::set<std::string>* names : {&begin_so, &have_it}) {
    for (const std::string& one : *names) {
      LODE_ASSIGN(auto definitions, searcher_.reader_->definitions(one));
      add(std::move(definitions), tier);
    }
    ++tier;
  }
  return out;
}

std::optional<size_t> SymbolSearch::symbol_of(const Content& content, const Definition& definition) {
  for (size_t i = 0; i < content.outline.symbols.size(); ++i) {
    const code::Symbol& one = content.outline.symbols[i];
    if (one.line == definition.line && one.name == definition.name && one.kind == definition.kind) return i;
  }
  return std::nullopt;
}

Result<SearchResult> SymbolSearch::run() {
  std::string name = query_.text;
  name.erase(0, name.find_first_not_of(" \t\r\n"));
  name.erase(name.find_last_not_of(" \t\r\n") + 1);
  std::string holder;  // of `Query.filter`
  if (const size_t cut = name.find_last_of(".:#"); cut != std::string::npos && cut + 1 < name.size()) {
    holder = name.substr(0, name.find_last_not_of(".:#", cut) + 1);
    name.erase(0, cut + 1);
    // As qualified names are written: `a::B` is a.B.
    for (const std::string_view joint : {"::", "#"}) {
      for (size_t at = holder.find(joint); at != std::string::npos; at = holder.find(joint, at + 1)) {
        holder.replace(at, joint.size(), ".");
      }
    }
  }
  LODE_ASSIGN(const std::vector<Found> found, find(name));
  const std::vector<uint8_t> allowed = searcher_.allowed(query_);
  SearchResult out;
  std::map<ContentId, Content> contents;
  struct Ordered {
    int tier;
    bool is_held;
    Hit hit;
    ContentId content;
    uint32_t begin, end;
  };
  std::vector<Ordered> ordered;
  for (const Found& one : found) {
    const index::ContentId place = searcher_.reader_->place_of(one.definition.content);
    const auto files = searcher_.tree_.files_of(place);
    const auto file = std::ranges::find_if(files, [&](index::FileTree::FileId f) { return allowed[f] != 0; });
    if (file == files.end()) continue;
    if (!contents.contains(one.definition.content)) {
      LODE_ASSIGN(Content content, searcher_.reader_->content(one.definition.content));
      contents.emplace(one.definition.content, std::move(content));
    }
    const Content& content = contents.at(one.definition.content);
    const std::optional<size_t> number = symbol_of(content, one.definition);
    if (!number) continue;
    const code::Symbol& symbol = content.outline.symbols[*number];
    Hit hit;
    hit.path = searcher_.tree_.path(*file);
    hit.language = content.language;
    hit.first_line = symbol.line;
    hit.last_line = symbol.end_line;
    hit.symbol = code::qualified_name(content.outline.symbols, static_cast<int32_t>(*number));
    hit.kind = code::name_of(symbol.kind);
    const bool is_held = !holder.empty() && hit.symbol.ends_with(holder + "." + symbol.name);
    hit.score = 1.0 / (1 + one.tier) + (is_held ? 1 : 0);
    hit.why.push_back((one.tier < 2 ? "defines " : "its name has ") + (one.tier < 2 ? symbol.name : name));
    for (const index::FileTree::FileId other : files) {
      if (other != *file) hit.copies.push_back(searcher_.tree_.path(other));
    }
    ordered.push_back({one.tier, is_held, std::move(hit), one.definition.content, symbol.name_at, symbol.end});
  }
  std::ranges::stable_sort(ordered, [](const Ordered& a, const Ordered& b) {
    return std::tuple(!a.is_held, a.tier, a.hit.symbol.size(), std::string_view(a.hit.path), a.hit.first_line) <
           std::tuple(!b.is_held, b.tier, b.hit.symbol.size(), std::string_view(b.hit.path), b.hit.first_line);
  });
  out.n_found = ordered.size();
  for (Ordered& one : ordered) {
    if (out.hits.size() >= query_.n_hits) break;
    LODE_ASSIGN(const std::string text, searcher_.reader_->text(one.content));
    Snippet snippet = lines_around(text, one.hit.first_line, one.hit.first_line, query_.context.value_or(1));
    one.hit.snippet_line = snippet.first_line;
    one.hit.snippet = std::move(snippet.text);
    out.hits.push_back(std::move(one.hit));
  }
  return out;
}

}  // namespace lode::search

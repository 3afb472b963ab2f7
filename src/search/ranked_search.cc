#include "search/ranked_search.h"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "index/hybrid_ranker.h"
#include "index/linear_ranker.h"
#include "index/query_vector.h"

namespace lode::search {
namespace {

constexpr size_t kContext = 3;     // lines around the best one
constexpr size_t kTermsShown = 6;  // of those that a hit holds
// Chunks that a graph is asked for: at least, and for each hit, since several are of one file.
constexpr size_t kNearest = 200;
constexpr size_t kNearestAHit = 10;

// The last identifier of a query that is one name, perhaps with what holds it: `filter`, `Query.filter`, `a::b`; a name
// that looks like a plain word is one too.
std::string only_name(std::string_view query) {
  const size_t begin = query.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  query = query.substr(begin, query.find_last_not_of(" \t\r\n") - begin + 1);
  if (query.ends_with("()")) query.remove_suffix(2);
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  for (size_t i = 0; i < query.size(); ++i) {
    const bool joins = query[i] == '.' || query[i] == ':' || query[i] == '#';
    if (!is_name(query[i]) && !(joins && i > 0 && i + 1 < query.size())) return {};
  }
  return std::string(query.substr(query.find_last_of(".:#") + 1));  // npos + 1 is 0
}

bool overlap(const code::Symbol& symbol, const index::Chunk& chunk) {
  return symbol.begin < chunk.end && symbol.end > chunk.begin;
}

// Whole lines of a file.
struct Lines {
  std::string_view text;
  uint32_t first;  // from 1
  uint32_t last;
};

// What a symbol has of a chunk, whose text it is.
Lines part_of(const index::Chunk& chunk, std::string_view text, const code::Symbol& symbol) {
  const size_t begin = symbol.begin > chunk.begin ? symbol.begin - chunk.begin : 0;
  const size_t line_at = begin == 0 ? 0 : text.rfind('\n', begin - 1) + 1;  // npos + 1 is 0
  const size_t end = std::min<size_t>(symbol.end - chunk.begin, text.size());
  const std::string_view part = text.substr(line_at, end - line_at);
  const auto first = chunk.first_line + static_cast<uint32_t>(std::ranges::count(text.substr(0, line_at), '\n'));
  const auto n_ends = static_cast<uint32_t>(std::ranges::count(part, '\n')) - (part.ends_with('\n') ? 1 : 0);
  return {.text = part, .first = first, .last = std::min(first + n_ends, chunk.last_line)};
}

}  // namespace

// Vectors that the mode asks for, if there are any.
Status RankedSearch::ask_vectors() {
  if (query_.mode != Mode::dense && query_.mode != Mode::hybrid) return {};
  if (searcher_.n_vectors() == 0) {
    if (query_.mode == Mode::hybrid) return {};
    return fail(Code::unsupported, "the index has no vectors of this model",
                "Make them with lode index, or ask with another mode.");
  }
  std::vector<float> query = query_.vector;
  if (query.empty()) {
    LODE_ASSIGN(query, query_vector());
  }
  if (std::cmp_not_equal(query.size(), searcher_.scan_->dims())) {
    return fail(Code::invalid_argument,
                fmt::format("the query's vector has {} dimensions, those of the index {}", query.size(),
                            searcher_.scan_->dims()),
                "Give one of the index's model.");
  }
  const std::vector<uint8_t> allowed = allowed_contents();
  const std::vector<uint32_t> first = first_contents();
  const VectorScan::Wanted wanted{
      .n_nearest = std::max(kNearest, kNearestAHit * query_.n_hits), .contents = allowed, .also = first};
  VectorScan::Cosines found = searcher_.scan_->cosines(query, wanted);
  cosines_ = std::move(found.by_chunk);
  if (query_.mode != Mode::dense || found.is_whole || n_texts(matching_files()) >= query_.n_hits) return {};
  // The nearest chunks lie in few files.
  cosines_ = searcher_.scan_->cosines(query, {.contents = allowed}).by_chunk;
  return {};
}

// `dense` compares with the text as it is given.
Result<std::vector<float>> RankedSearch::query_vector() const {
  if (query_.mode == Mode::dense) return searcher_.encode_(query_.text, query_.gone);
  std::vector<float> rows;
  const std::vector<std::string> texts = index::query_texts(parts_);
  for (const std::string& text : texts) {
    LODE_ASSIGN(const std::vector<float> row, searcher_.encode_(text, query_.gone));
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return index::mean_direction(rows, rows.size() / texts.size());
}

std::vector<uint8_t> RankedSearch::allowed_contents() const {
  if (std::ranges::find(allowed_, 0) == allowed_.end()) return {};
  std::vector<uint8_t> out(searcher_.source_.contents().size(), 0);
  for (FileId file = 0; file < allowed_.size(); ++file) {
    if (allowed_[file] != 0) out[searcher_.tree_.content(file)] = 1;
  }
  return out;
}

std::vector<uint32_t> RankedSearch::first_contents() const {
  if (query_.mode != Mode::hybrid) return {};
  std::vector<FileId> files;
  for (FileId file = 0; file < lexical_.size(); ++file) {
    if (allowed_[file] != 0) files.push_back(file);
  }
  const size_t n = std::min(std::max(index::kHybridFiles, query_.n_hits), files.size());
  std::ranges::partial_sort(files, files.begin() + static_cast<ptrdiff_t>(n), [&](FileId a, FileId b) {
    return lexical_[a] != lexical_[b] ? lexical_[a] > lexical_[b] : a < b;
  });
  std::vector<uint32_t> out;
  for (size_t i = 0; i < n; ++i) out.push_back(searcher_.tree_.content(files[i]));
  return out;
}

std::span<const float> RankedSearch::chunks_of(const std::vector<float>& by_chunk, FileId file) const {
  const index::LexicalSource::Content& content = searcher_.source_.contents()[searcher_.tree_.content(file)];
  return std::span(by_chunk).subspan(content.first_chunk, content.n_chunks);
}

std::vector<double> RankedSearch::file_scores() const {
  std::vector<double> scores;
  if (query_.mode == Mode::bm25) {
    for (FileId file = 0; file < searcher_.tree_.size(); ++file) {
      const index::LexicalSource::Content& content = searcher_.source_.contents()[searcher_.tree_.content(file)];
      float most = 0;
      for (index::ChunkId chunk = content.first_chunk; chunk < content.first_chunk + content.n_chunks; ++chunk) {
        most = std::max(most, features_.text_score(chunk));
      }
      scores.push_back(most);
    }
    return scores;
  }
  if (cosines_.empty()) return lexical_;
  std::vector<double> dense(searcher_.tree_.size());
  for (FileId file = 0; file < dense.size(); ++file) {
    const auto own = chunks_of(cosines_, file);
    const bool is_dense = query_.mode == Mode::dense;
    dense[file] = !is_dense ? index::file_cosine(own) : own.empty() ? index::kNoCosine : std::ranges::max(own);
  }
  return query_.mode == Mode::dense ? dense : index::hybrid_scores(lexical_, dense);
}

std::vector<RankedSearch::Ranked> RankedSearch::matching_files() const {
  const std::vector<double> scores = file_scores();
  std::vector<Ranked> out;
  for (FileId file = 0; file < scores.size(); ++file) {
    const bool matches = query_.mode == Mode::bm25    ? scores[file] > 0
                         : query_.mode == Mode::dense ? scores[file] > VectorScan::kNone
                                                      : features_.matched[file] != 0 || !cosines_.empty();
    if (matches && allowed_[file] != 0) out.push_back({file, scores[file], defines_only_name_[file] != 0});
  }
  return out;
}

size_t RankedSearch::n_texts(const std::vector<Ranked>& files) const {
  std::vector<uint8_t> seen(searcher_.source_.contents().size(), 0);
  for (const Ranked& ranked : files) seen[searcher_.tree_.content(ranked.file)] = 1;
  return static_cast<size_t>(std::ranges::count(seen, 1));
}

Status RankedSearch::leave_out_other_kinds() {
  uint32_t wanted = 0;
  for (const code::SymbolKind kind : query_.kinds) wanted |= 1U << static_cast<unsigned>(kind);
  LODE_ASSIGN(const std::span<const uint32_t> kinds, searcher_.kinds_of_contents());
  for (FileId file = 0; file < allowed_.size(); ++file) {
    if ((kinds[searcher_.tree_.content(file)] & wanted) == 0) allowed_[file] = 0;
  }
  return {};
}

bool RankedSearch::is_wanted(const code::Symbol& symbol) const {
  return query_.kinds.empty() || std::ranges::find(query_.kinds, symbol.kind) != query_.kinds.end();
}

bool RankedSearch::is_named(const code::Symbol& symbol) const {
  return names_.contains(symbol.name);
}

double RankedSearch::chunk_score(const index::Chunk& chunk, index::ChunkId number,
                                 std::span<const code::Symbol* const> named) const {
  double out = 0;
  if (!cosines_.empty() && cosines_[number] > VectorScan::kNone) out += cosines_[number];
  if (query_.mode == Mode::dense) return out;
  if (features_.most_text > 0) out += features_.text_score(number) / double{features_.most_text};
  if (query_.mode == Mode::bm25) return out;
  if (features_.most_names > 0) out += features_.names_score(number) / double{features_.most_names};
  for (const code::Symbol* symbol : named) {
    if (symbol->name_at < chunk.begin || symbol->name_at >= chunk.end) continue;
    return out + (symbol->name == only_name_ ? 4 : 0.5);
  }
  return out;
}

// The definition that is asked for, if the chunk has it; else the innermost around its best line.
int32_t RankedSearch::shown_symbol(const Content& content, const index::Chunk& chunk, uint32_t best_line) const {
  int32_t named = -1, around = -1, other = query_.kinds.empty() ? chunk.symbol : -1;
  for (size_t i = 0; i < content.outline.symbols.size(); ++i) {
    const code::Symbol& one = content.outline.symbols[i];
    const auto number = static_cast<int32_t>(i);
    if (!is_wanted(one)) continue;
    if (other < 0 && !query_.kinds.empty() && overlap(one, chunk)) other = number;
    if (one.line <= best_line && best_line <= one.end_line) around = number;
    if (one.name_at < chunk.begin || one.name_at >= chunk.end || !is_named(one)) continue;
    if (one.name == only_name_) return number;
    if (named < 0) named = number;
  }
  return named >= 0 ? named : around >= 0 ? around : other;
}

Result<std::optional<Hit>> RankedSearch::hit_of(const Ranked& ranked) {
  const index::ContentId place = searcher_.tree_.content(ranked.file);
  const ContentId id = searcher_.reader_->contents()[place];
  LODE_ASSIGN(const Content content, searcher_.reader_->content(id));
  const index::LexicalSource::Content& numbers = searcher_.source_.contents()[place];
  if (content.outline.chunks.size() != numbers.n_chunks || numbers.n_chunks == 0) return std::nullopt;

  std::vector<const code::Symbol*> named;
  for (const code::Symbol& symbol : content.outline.symbols) {
    if (is_named(symbol) && is_wanted(symbol)) named.push_back(&symbol);
  }
  std::optional<size_t> best;
  double most = 0;
  for (size_t chunk = 0; chunk < content.outline.chunks.size(); ++chunk) {
    const index::Chunk& one = content.outline.chunks[chunk];
    const auto passes = [&](const code::Symbol& symbol) { return is_wanted(symbol) && overlap(symbol, one); };
    if (!query_.kinds.empty() && std::ranges::none_of(content.outline.symbols, passes)) continue;
    const double score = chunk_score(one, numbers.first_chunk + static_cast<index::ChunkId>(chunk), named);
    if (best && score <= most) continue;
    best = chunk;
    most = score;
  }
  if (!best) return std::nullopt;

  const index::Chunk& chunk = content.outline.chunks[*best];
  LODE_ASSIGN(const std::string text, searcher_.reader_->text(id));
  if (chunk.end > text.size()) return std::nullopt;
  const std::string_view chunk_text = std::string_view(text).substr(chunk.begin, chunk.end - chunk.begin);
  Hit hit;
  hit.path = searcher_.tree_.path(ranked.file);
  hit.language = content.language;
  hit.first_line = chunk.first_line;
  hit.last_line = chunk.last_line;
  hit.score = ranked.score;
  const size_t context = query_.context.value_or(kContext);
  Snippet snippet = best_lines(chunk_text, chunk.first_line, terms_, context);
  const int32_t symbol = shown_symbol(content, chunk, snippet.best_line);
  if (symbol >= 0 && !query_.kinds.empty()) {
    const Lines part = part_of(chunk, chunk_text, content.outline.symbols[static_cast<size_t>(symbol)]);
    hit.first_line = part.first;
    hit.last_line = part.last;
    snippet = best_lines(part.text, part.first, terms_, context);
  }
  hit.snippet_line = snippet.first_line;
  hit.snippet = std::move(snippet.text);
  if (symbol >= 0) {
    const code::Symbol& one = content.outline.symbols[static_cast<size_t>(symbol)];
    hit.symbol = code::qualified_name(content.outline.symbols, symbol);
    hit.kind = code::name_of(one.kind);
    if (one.name == only_name_) {
      hit.first_line = one.line;
      hit.last_line = one.end_line;
    }
  }
  explain(named, chunk_text, ranked.file, hit);
  if (!cosines_.empty()) {
    const float cosine = cosines_[numbers.first_chunk + static_cast<index::ChunkId>(*best)];
    if (cosine > VectorScan::kNone) hit.why.push_back(fmt::format("similarity {:.2f}", cosine));
  }
  for (const FileId other : searcher_.tree_.files_of(place)) {
    if (other != ranked.file) hit.copies.push_back(searcher_.tree_.path(other));
  }
  return hit;
}

void RankedSearch::explain(std::span<const code::Symbol* const> named, std::string_view chunk_text, FileId file,
                           Hit& hit) {
  std::vector<std::string> defined;
  for (const code::Symbol* symbol : named) {
    if (std::ranges::find(defined, symbol->name) == defined.end()) defined.push_back(symbol->name);
  }
  if (defined.size() > kTermsShown) defined.resize(kTermsShown);
  if (!defined.empty()) hit.why.push_back(fmt::format("defines {}", fmt::join(defined, ", ")));

  const index::PathEvidence& path = features_.paths[file];
  if (path.frame > 0) hit.why.emplace_back("in the traceback");
  if (path.path > 0 || path.name > 0) {
    hit.why.emplace_back("named by its path");
  } else if (path.module > 0) {
    hit.why.emplace_back("named as a module");
  } else if (path.name_idf > 0 || path.stem > 0) {
    hit.why.emplace_back("words of its name");
  }

  std::vector<std::pair<double, std::string>> shown;
  for (const TermFinder::Term* term : terms_.in(chunk_text)) shown.emplace_back(-term->second, term->first);
  std::ranges::sort(shown);
  if (shown.size() > kTermsShown) shown.resize(kTermsShown);
  std::vector<std::string> names;
  for (auto& [idf, term] : shown) names.push_back(std::move(term));
  if (!names.empty()) hit.why.push_back(fmt::format("terms: {}", fmt::join(names, ", ")));
}

Result<SearchResult> RankedSearch::run() {
  parts_ = index::take_apart(query_.text);
  if (query_.mode != Mode::bm25 && query_.vector.empty()) only_name_ = only_name(query_.text);
  for (const index::NamedIdentifier& named : parts_.identifiers) names_.insert(named.name);
  index::lexical_features(searcher_.source_, searcher_.tree_, searcher_.paths_, parts_, features_);
  allowed_ = searcher_.allowed(query_);
  if (!query_.kinds.empty()) LODE_TRY(leave_out_other_kinds());
  defines_only_name_.assign(searcher_.tree_.size(), 0);
  if (!only_name_.empty()) {
    for (const index::Definition& definition : searcher_.source_.definitions(only_name_)) {
      for (const FileId file : searcher_.tree_.files_of(definition.content)) defines_only_name_[file] = 1;
    }
  }
  LODE_TRY(searcher_.source_.take_status());
  if (query_.mode == Mode::hybrid || query_.mode == Mode::lexical) {
    lexical_ = index::LinearRanker::built_in().scores(features_.values);
    // What the filters leave out has no part in which files the vectors move.
    for (FileId file = 0; file < lexical_.size(); ++file) {
      if (allowed_[file] == 0) lexical_[file] = std::numeric_limits<double>::lowest();
    }
  }
  LODE_TRY(ask_vectors());
  for (const auto& [term, idf] : features_.terms) {
    if (idf > 0) weights_[term] = idf;
  }
  SearchResult out;
  std::vector<Ranked> files = matching_files();
  out.n_found = n_texts(files);
  // A heap: of thousands of files the first few are asked for.
  const auto is_behind = [](const Ranked& a, const Ranked& b) {
    if (a.defines_it != b.defines_it) return b.defines_it;
    return a.score != b.score ? a.score < b.score : a.file > b.file;
  };
  std::ranges::make_heap(files, is_behind);
  std::unordered_set<index::ContentId> seen;
  while (!files.empty() && out.hits.size() < query_.n_hits) {
    std::ranges::pop_heap(files, is_behind);
    const Ranked ranked = files.back();
    files.pop_back();
    // Files of one text are one hit, the first of them.
    if (!seen.insert(searcher_.tree_.content(ranked.file)).second) continue;
    LODE_ASSIGN(std::optional<Hit> hit, hit_of(ranked));
    if (hit) out.hits.push_back(*std::move(hit));
  }
  return out;
}

}  // namespace lode::search

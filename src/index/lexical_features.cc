#include "index/lexical_features.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "index/bm25.h"
#include "index/code_terms.h"
#include "index/english_analyzer.h"
#include "index/feature_rows.h"
#include "index/lexical_scores.h"
#include "index/lexicon.h"

namespace lode::index {
namespace {

// One whose folder or kind the query names is not beside the matter.
bool is_aside(std::string_view word, const std::vector<std::string>& lower_case_names) {
  return !word.empty() &&
         std::ranges::none_of(lower_case_names, [&](const std::string& name) { return name.starts_with(word); });
}

enum Query : size_t { kAll, kTitle, kCode, kProse, kQueries };
static_assert(kQueries == kMostQueries);

ByQuery larger(ByQuery a, ByQuery b) {
  return a > b ? a : b;
}
ByQuery smaller(ByQuery a, ByQuery b) {
  return a < b ? a : b;
}

// Of an identifier as a whole; empty for a stop word.
std::string whole_term(std::string_view identifier) {
  std::vector<std::string> terms;
  code_terms(identifier, terms);
  return terms.empty() ? std::string() : std::move(terms.front());
}

std::vector<WeightedTerm> weighted_terms(const QueryParts& query) {
  Lexicon lexicon(&code_terms);
  std::vector<WeightedTerm> out;
  const auto add = [&](std::string_view text, Query which) {
    for (const TermCount& count : lexicon.count(text).terms) {
      if (count.term >= out.size()) out.resize(count.term + 1);
      out[count.term].weights[which] = static_cast<float>(count.n);
    }
  };
  add(query.all, kAll);
  add(query.title, kTitle);
  add(query.code, kCode);
  add(query.prose, kProse);
  for (size_t i = 0; i < out.size(); ++i) out[i].term = lexicon.term(static_cast<TermId>(i));
  for (const NamedIdentifier& identifier : query.identifiers) {
    if (!identifier.is_marked) continue;
    const auto id = lexicon.find(whole_term(identifier.name));
    if (id && *id < out.size()) out[*id].is_name = true;
  }
  return out;
}

// A row of features a file, column by column.
class Table {
 public:
  // In the memory that `values` has.
  Table(size_t n_files, std::vector<float> values) : n_files_(n_files), values_(std::move(values)) {
    values_.assign(n_files * kFeatures, 0);
  }
  float& at(size_t file, Feature feature) { return values_[file * kFeatures + static_cast<size_t>(feature)]; }

  // 1 / (rank + 2) of a column's values, ranks from 0; equal values get the rank of the last of them, and 0 gets none.
  void add_ranks(Feature from, Feature to) {
    order_.clear();
    for (size_t file = 0; file < n_files_; ++file) {
      // The bits of positive floats are in the order of their values.
      const float value = at(file, from);
      if (value > 0) order_.push_back(uint64_t{std::bit_cast<uint32_t>(value)} << 32 | file);
    }
    sort_by_value();
    for (size_t i = order_.size(), last = i; i-- > 0;) {
      if (i + 1 == order_.size() || order_[i] >> 32 != order_[i + 1] >> 32) last = i;
      at(static_cast<uint32_t>(order_[i]), to) = 1.0F / static_cast<float>(last + 2);
    }
  }

  // To 0..1, each feature that is scaled.
  void scale() {
    constexpr size_t kVectors = kFeatures / kMostQueries;
    static_assert(kFeatures % kMostQueries == 0);
    std::array<ByQuery, kVectors> least, most;
    least.fill(ByQuery{} + INFINITY);
    most.fill(ByQuery{} - INFINITY);
    each_row([&](size_t i, ByQuery& values) {
      least[i] = smaller(least[i], values);
      most[i] = larger(most[i], values);
    });
    for (size_t i = 0; i < kFeatures; ++i) {
      const size_t at = i / kMostQueries, lane = i % kMostQueries;
      const float low = kFeatureRows[i].is_scaled ? least[at][lane] : 0, high = most[at][lane];
      least[at][lane] = low;
      most[at][lane] = kFeatureRows[i].is_scaled && high > low ? high - low : 1;
    }
    each_row([&](size_t i, ByQuery& values) { values = (values - least[i]) / most[i]; });
  }

  std::vector<float> take() { return std::move(values_); }

 private:
  // Descending, by the upper half of each: eleven bits at a time.
  void sort_by_value() {
    constexpr unsigned kDigit = 11, kPasses = 3, kFirst = 32;
    constexpr size_t kValues = size_t{1} << kDigit;
    std::array<std::array<uint32_t, kValues>, kPasses> starts{};
    const auto digit = [](uint64_t one, unsigned pass) {
      return kValues - 1 - (one >> (kFirst + pass * kDigit) & (kValues - 1));
    };
    for (const uint64_t one : order_) {
      for (unsigned pass = 0; pass < kPasses; ++pass) ++starts[pass][digit(one, pass)];
    }
    beside_.resize(order_.size());
    for (unsigned pass = 0; pass < kPasses; ++pass) {
      uint32_t sum = 0;
      for (uint32_t& start : starts[pass]) sum += std::exchange(start, sum);
      for (const uint64_t one : order_) beside_[starts[pass][digit(one, pass)]++] = one;
      order_.swap(beside_);
    }
  }

  // The values of each row, four at a time, with their place in it.
  template <class Visit>
  void each_row(const Visit& visit) {
    for (size_t row = 0; row < values_.size(); row += kFeatures) {
      for (size_t i = 0; i < kFeatures / kMostQueries; ++i) {
        ByQuery values;
        float* const at = values_.data() + row + i * kMostQueries;
        std::memcpy(&values, at, sizeof values);
        visit(i, values);
        std::memcpy(at, &values, sizeof values);
      }
    }
  }

  size_t n_files_;
  std::vector<float> values_;
  std::vector<uint64_t> order_, beside_;
};

void add_chunk_features(const LexicalSource& source, const FileTree& tree, Table& table, FileFeatures& out) {
  constexpr std::array<Feature, kQueries> kBest = {Feature::chunk_all, Feature::chunk_title, Feature::chunk_code,
                                                   Feature::chunk_prose};
  constexpr std::array<Feature, 2> kTop3 = {Feature::chunk_all_top3, Feature::chunk_title_top3};
  const LexicalScores& scores = out.scores;
  ByQuery most_of_chunk{}, most_of_names{};
  scores.scored.each(0, static_cast<uint32_t>(scores.chunks.size()), [&](ChunkId chunk) {
    most_of_chunk = larger(most_of_chunk, scores.chunks[chunk]);
    most_of_names = larger(most_of_names, scores.defining_chunks[chunk]);
  });
  out.most_text = most_of_chunk[kAll];
  out.most_names = most_of_names[kAll];
  const ByQuery least = ByQuery{} + 1e-6F;
  most_of_chunk = larger(least, most_of_chunk);
  most_of_names = larger(least, most_of_names);
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    const LexicalSource::Content& content = source.contents()[tree.content(file)];
    // Each for all queries: the three best chunks, descending; the best names; the best of both together.
    ByQuery first{}, second{}, third{}, names{}, both{};
    float hits = 0, many = 0, best_words = 0, second_words = 0, third_words = 0;
    scores.scored.each(content.first_chunk, content.first_chunk + content.n_chunks, [&](ChunkId chunk) {
      const ByQuery score = scores.chunks[chunk], defined = scores.defining_chunks[chunk];
      const auto [hit, words] = scores.once[chunk];
      hits = std::max(hits, hit);
      const float not_best = std::min(best_words, words);
      best_words = std::max(best_words, words);
      third_words = std::max(third_words, std::min(second_words, not_best));
      second_words = std::max(second_words, not_best);
      names = larger(names, defined);
      const ByQuery share = score / most_of_chunk;
      const float squared = share[kTitle] * share[kTitle];
      many += squared * squared;
      both = larger(both, share + defined / most_of_names);
      const ByQuery not_first = smaller(first, score);
      first = larger(first, score);
      const ByQuery not_second = smaller(second, not_first);
      second = larger(second, not_first);
      third = larger(third, not_second);
    });
    for (size_t q = 0; q < kQueries; ++q) table.at(file, kBest[q]) = first[q];
    const ByQuery three = first + second + third;
    for (size_t q = 0; q < kTop3.size(); ++q) table.at(file, kTop3[q]) = three[q];
    table.at(file, Feature::chunk_hits) = hits;
    table.at(file, Feature::chunk_title_many) = std::sqrt(many);
    table.at(file, Feature::chunk_words_top3) = best_words + second_words + third_words;
    table.at(file, Feature::names_chunk) = names[kAll];
    table.at(file, Feature::names_chunk_title) = names[kTitle];
    table.at(file, Feature::both) = both[kAll];
    table.at(file, Feature::both_title) = both[kTitle];
    table.at(file, Feature::names_file) = scores.defining_files[file][kAll];
    table.at(file, Feature::names_file_title) = scores.defining_files[file][kTitle];
  }
}

void add_path_features(const std::vector<PathEvidence>& evidence, Table& table) {
  for (size_t file = 0; file < evidence.size(); ++file) {
    const PathEvidence& here = evidence[file];
    table.at(file, Feature::path) = here.path;
    table.at(file, Feature::path_name) = here.name;
    table.at(file, Feature::mention) = here.mention;
    table.at(file, Feature::module) = here.module;
    table.at(file, Feature::frame) = here.frame;
    table.at(file, Feature::last_frame) = here.last_frame;
    table.at(file, Feature::frame_depth) = here.frame_depth;
    table.at(file, Feature::name_words) = here.name_words;
    table.at(file, Feature::name_title) = here.name_title;
    table.at(file, Feature::name_like) = here.name_like;
    table.at(file, Feature::name_idf) = here.name_idf;
    table.at(file, Feature::dir_words) = here.dir_words;
    table.at(file, Feature::dir_title) = here.dir_title;
    table.at(file, Feature::stem) = here.stem;
  }
}

// The files of a tree that define a name, and how much that says.
struct Defining {
  struct File {
    FileTree::FileId file;
    code::SymbolKind kind;
  };
  std::vector<File> files;  // each once a kind
  size_t n_files = 0;
  float idf = 0;
};

Defining defining(LexicalSource& source, const FileTree& tree, std::string_view name) {
  Defining out;
  for (const Definition& definition : source.definitions(name)) {
    for (const FileTree::FileId file : tree.files_of(definition.content)) out.files.push_back({file, definition.kind});
  }
  const auto by_file = [](const Defining::File& file) { return std::pair(file.file, file.kind); };
  std::ranges::sort(out.files, {}, by_file);
  out.files.erase(std::ranges::unique(out.files, {}, by_file).begin(), out.files.end());
  for (size_t i = 0; i < out.files.size(); ++i) out.n_files += i == 0 || out.files[i].file != out.files[i - 1].file;
  out.idf = static_cast<float>(inverse_document_frequency(tree.size(), out.n_files));
  return out;
}

bool is_type(code::SymbolKind kind) {
  return code::is_container(kind) || kind == code::SymbolKind::type;
}
bool is_function(code::SymbolKind kind) {
  return kind == code::SymbolKind::function || kind == code::SymbolKind::method || kind == code::SymbolKind::macro;
}

void add_definition_features(LexicalSource& source, const FileTree& tree, const QueryParts& query,
                             const std::unordered_map<std::string_view, float>& text_idfs, Table& table) {
  for (const NamedIdentifier& identifier : query.identifiers) {
    const Defining names = defining(source, tree, identifier.name);
    const auto text = names.files.empty() ? text_idfs.end() : text_idfs.find(whole_term(identifier.name));
    const float alone = text == text_idfs.end() ? 0 : text->second / static_cast<float>(names.n_files);
    FileTree::FileId before = ~FileTree::FileId{0};
    for (const auto& [file, kind] : names.files) {
      const auto raise = [&, at = file](Feature feature) {
        table.at(at, feature) = std::max(table.at(at, feature), names.idf);
      };
      raise(is_type(kind)       ? Feature::defines_type
            : is_function(kind) ? Feature::defines_function
                                : Feature::defines_other);
      if (std::exchange(before, file) == file) continue;
      table.at(file, Feature::defines_alone) = std::max(table.at(file, Feature::defines_alone), alone);
      raise(identifier.is_marked ? Feature::defines_marked : Feature::defines_word);
      table.at(file, identifier.is_marked ? Feature::defines_marked_sum : Feature::defines_word_sum) += names.idf;
      if (identifier.in_title) raise(Feature::defines_title);
      if (identifier.in_code) raise(Feature::defines_code);
    }
  }
  // `Query.add_filter`: the file that defines both.
  for (const std::string& dotted : query.modules) {
    const size_t dot = dotted.find_last_of('.');
    const size_t before = dotted.find_last_of('.', dot - 1);
    const std::string_view outer = std::string_view(dotted).substr(before + 1, dot - before - 1);  // npos + 1 is 0
    if (outer.empty() || dot + 1 == dotted.size()) continue;
    const Defining types = defining(source, tree, outer);
    const Defining members = defining(source, tree, std::string_view(dotted).substr(dot + 1));
    for (const auto& [file, kind] : types.files) {
      const bool has_both =
          std::ranges::any_of(members.files, [at = file](const auto& member) { return member.file == at; });
      if (!is_type(kind) || !has_both) continue;
      float& value = table.at(file, Feature::defines_qualified);
      value = std::max(value, types.idf + members.idf);
    }
  }
}

}  // namespace

std::span<const std::string_view> feature_names() {
  static constexpr auto kNames = [] {
    std::array<std::string_view, kFeatures> names;
    for (size_t i = 0; i < kFeatures; ++i) names[i] = kFeatureRows[i].name;
    return names;
  }();
  return kNames;
}

FileFeatures lexical_features(LexicalSource& source, const FileTree& tree, const PathIndex& paths,
                              const QueryParts& query) {
  FileFeatures out;
  lexical_features(source, tree, paths, query, out);
  return out;
}

void lexical_features(LexicalSource& source, const FileTree& tree, const PathIndex& paths, const QueryParts& query,
                      FileFeatures& out) {
  Table table(tree.size(), std::move(out.values));
  const std::vector<WeightedTerm> terms = weighted_terms(query);
  LexicalScores& scores = out.scores;
  lexical_scores(source, tree, terms, {}, scores);
  out.terms.clear();
  for (size_t i = 0; i < terms.size(); ++i) out.terms.emplace_back(terms[i].term, scores.idfs[i]);
  constexpr std::array<Feature, kQueries> kFiles = {Feature::file_all, Feature::file_title, Feature::file_code,
                                                    Feature::file_prose};
  for (size_t file = 0; file < tree.size(); ++file) {
    for (size_t q = 0; q < kQueries; ++q) table.at(file, kFiles[q]) = scores.files[file][q];
    table.at(file, Feature::file_all_k2) = scores.second[file];
    table.at(file, Feature::file_names) = scores.names[file];
  }
  add_chunk_features(source, tree, table, out);
  out.paths = paths.evidence(query, out.terms);
  add_path_features(out.paths, table);
  std::unordered_map<std::string_view, float> text_idfs;
  for (size_t i = 0; i < terms.size(); ++i) text_idfs.emplace(terms[i].term, scores.file_idfs[i]);
  add_definition_features(source, tree, query, text_idfs, table);
  std::vector<std::string> names;
  for (const NamedIdentifier& identifier : query.identifiers) names.push_back(lower_case(identifier.name));
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    const PathIndex::Place& place = paths.places()[file];
    table.at(file, Feature::length) = tree.log_bytes(file);
    table.at(file, Feature::depth) = place.depth;
    table.at(file, Feature::aside) = is_aside(place.aside, names) ? 1 : 0;
    table.at(file, Feature::folder_file) = place.stands_for_folder ? 1 : 0;
  }
  // What else its folder has to say: the mean of the others there.
  std::vector<std::pair<float, int>> folders(paths.n_folders());
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    auto& [sum, n] = folders[paths.places()[file].folder];
    sum += table.at(file, Feature::chunk_all_top3);
    ++n;
  }
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    const auto& [sum, n] = folders[paths.places()[file].folder];
    table.at(file, Feature::folder) =
        n > 1 ? (sum - table.at(file, Feature::chunk_all_top3)) / static_cast<float>(n - 1) : 0;
  }
  table.add_ranks(Feature::file_all, Feature::file_all_rank);
  table.add_ranks(Feature::chunk_all_top3, Feature::chunk_top3_rank);
  table.add_ranks(Feature::file_title, Feature::file_title_rank);
  table.add_ranks(Feature::chunk_all, Feature::chunk_all_rank);
  table.add_ranks(Feature::chunk_title, Feature::chunk_title_rank);
  constexpr std::array kEvidence = {Feature::file_all,      Feature::path_name,    Feature::module,
                                    Feature::frame,         Feature::name_idf,     Feature::dir_words,
                                    Feature::stem,          Feature::defines_type, Feature::defines_function,
                                    Feature::defines_other, Feature::names_file};
  out.matched.resize(tree.size());
  for (size_t file = 0; file < tree.size(); ++file) {
    out.matched[file] = std::ranges::any_of(kEvidence, [&](Feature feature) { return table.at(file, feature) > 0; });
  }
  table.scale();
  out.values = table.take();
}

}  // namespace lode::index

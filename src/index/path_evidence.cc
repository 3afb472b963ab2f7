#include "index/path_evidence.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>

#include "index/aside.h"
#include "index/bm25.h"
#include "index/code_terms.h"
#include "index/english_analyzer.h"
#include "index/lexicon.h"

namespace lode::index {
namespace {

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find(at), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string_view without_extension(std::string_view name) {
  const size_t dot = name.find_last_of('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

// How many components `a` and `b` have in common, from their ends.
size_t common_end(std::span<const std::string> a, std::span<const std::string> b) {
  size_t n = 0;
  while (n < a.size() && n < b.size() && a[a.size() - 1 - n] == b[b.size() - 1 - n]) ++n;
  return n;
}

// The parts of a text's identifiers, in lower case.
std::vector<std::string> plain_words(std::string_view text) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_part(text[end])) ++end;
    for (const std::string_view part : identifier_parts(text.substr(at, end - at))) out.push_back(lower_case(part));
    at = end + 1;
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

constexpr size_t kLeastAlike = 3;  // bytes that different words have in common, if they are alike

// 1 for the same word; for "serializer" and "serialization" what they begin with, as a share of the longer one; 0 where
// that is little.
float likeness(std::string_view a, std::string_view b) {
  constexpr double kLeastOfShorter = 0.6;
  if (a == b) return 1;
  const auto [end, unused] = std::ranges::mismatch(a, b);
  const auto n = static_cast<size_t>(end - a.begin());
  const double least = kLeastOfShorter * static_cast<double>(std::min(a.size(), b.size()));
  if (n < kLeastAlike || static_cast<double>(n) < least) return 0;
  return static_cast<float>(n) / static_cast<float>(std::max(a.size(), b.size()));
}

std::unordered_set<std::string> terms_of(std::string_view text) {
  Lexicon lexicon(&code_terms);
  std::unordered_set<std::string> out;
  for (const TermCount& count : lexicon.count(text).terms) out.emplace(lexicon.term(count.term));
  return out;
}

}  // namespace

bool stands_for_folder(std::string_view path) {
  constexpr std::array<std::string_view, 9> kNames = {
      "__init__.py", "__init__.pyi", "index.js", "index.jsx", "index.mjs", "index.ts", "index.tsx", "mod.rs", "lib.rs"};
  return std::ranges::find(kNames, path.substr(path.find_last_of('/') + 1)) != kNames.end();  // npos + 1 is 0
}

PathIndex::PathIndex(const FileTree& tree) : tree_(tree), components_(tree.size()) {
  std::vector<size_t> n_files;
  std::vector<std::string> terms;
  struct FileWords {
    std::vector<uint32_t> name, folders;  // ids
  };
  std::vector<FileWords> words_of(tree.size());
  std::map<std::string, std::vector<FileTree::FileId>> plain;
  const auto ids = [&](std::string_view component, std::vector<uint32_t>& out) {
    terms.clear();
    code_terms(component, terms);
    for (std::string& term : terms) {
      const auto [found, is_new] = word_ids_.try_emplace(std::move(term), static_cast<uint32_t>(n_files.size()));
      if (is_new) n_files.push_back(0);
      out.push_back(found->second);
    }
  };
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    std::vector<std::string>& components = components_[file];
    components = split(tree.path(file), '/');
    if (components.empty()) continue;
    by_name_[components.back()].push_back(file);
    components.back() = without_extension(components.back());
    const bool is_of_folder = stands_for_folder(tree.path(file)) && components.size() > 1;
    for (const std::string& word : plain_words(components[components.size() - (is_of_folder ? 2 : 1)])) {
      plain[word].push_back(file);
    }
    FileWords& words = words_of[file];
    if (is_of_folder) {
      components.pop_back();
      by_stem_[components.back()].push_back(file);
      for (const std::string& component : components) ids(component, words.folders);
    } else {
      by_stem_[components.back()].push_back(file);
      ids(components.back(), words.name);
      for (size_t i = 0; i + 1 < components.size(); ++i) ids(components[i], words.folders);
    }
    for (std::vector<uint32_t>* list : {&words.name, &words.folders}) {
      std::ranges::sort(*list);
      list->erase(std::ranges::unique(*list).begin(), list->end());
    }
    std::vector<uint32_t> all = words.name;
    all.insert(all.end(), words.folders.begin(), words.folders.end());
    std::ranges::sort(all);
    all.erase(std::ranges::unique(all).begin(), all.end());
    for (const uint32_t id : all) ++n_files[id];
  }
  std::unordered_map<std::string_view, uint32_t> folders;
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    const std::string_view path = tree.path(file);
    const std::string_view folder = path.substr(0, std::min(path.find_last_of('/') + 1, path.size()));
    places_.push_back({.folder = folders.try_emplace(folder, static_cast<uint32_t>(folders.size())).first->second,
                       .depth = static_cast<float>(std::ranges::count(path, '/')),
                       .stands_for_folder = stands_for_folder(path),
                       .aside = aside_word(path)});
  }
  n_folders_ = folders.size();
  for (const size_t n : n_files) {
    words_.push_back(
        {.idf = static_cast<float>(inverse_document_frequency(tree.size(), n)), .names = {}, .folders = {}});
  }
  plain_idfs_.resize(tree.size());
  for (auto& [word, names] : plain) {
    const auto idf = static_cast<float>(inverse_document_frequency(tree.size(), names.size()));
    for (const FileTree::FileId file : names) plain_idfs_[file] += idf;
    plain_.push_back({.word = word, .idf = idf, .names = std::move(names)});
  }
  name_idfs_.resize(tree.size());
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    for (const uint32_t id : words_of[file].name) {
      name_idfs_[file] += words_[id].idf;
      words_[id].names.push_back(file);
    }
    for (const uint32_t id : words_of[file].folders) words_[id].folders.push_back(file);
  }
}

void PathIndex::add_name_like(std::string_view title, std::vector<PathEvidence>& out) const {
  const std::vector<std::string> words = plain_words(title);
  for (const PlainWord& word : plain_) {
    float most = 0;
    const std::string_view begin = std::string_view(word.word).substr(0, kLeastAlike);
    for (auto other = std::ranges::lower_bound(words, begin); other != words.end() && other->starts_with(begin);
         ++other) {
      most = std::max(most, likeness(word.word, *other));
    }
    if (most == 0) continue;
    for (const FileTree::FileId file : word.names) out[file].name_like += most * word.idf / plain_idfs_[file];
  }
}

std::vector<PathEvidence> PathIndex::evidence(const QueryParts& query,
                                              std::span<const std::pair<std::string, float>> terms) const {
  std::vector<PathEvidence> out(tree_.size());

  // Paths: the more of a file's path, the surer. A bare name says as much as it is rare.
  const auto matched = [&](const std::string& path, auto&& found) {
    const std::vector<std::string> components = split(path, '/');
    if (components.empty()) return;
    const auto named = by_name_.find(components.back());
    if (named == by_name_.end()) return;
    for (const FileTree::FileId file : named->second) {
      const std::vector<std::string> own = split(tree_.path(file), '/');
      found(file, common_end(components, own), components.size(), own.size(), named->second.size());
    }
  };
  std::unordered_set<std::string_view> frame_names;
  for (const std::string_view frame : query.frames) frame_names.insert(frame.substr(frame.find_last_of('/') + 1));
  for (const std::string& path : query.paths) {
    const bool is_apart = !frame_names.contains(std::string_view(path).substr(path.find_last_of('/') + 1));
    matched(path, [&](FileTree::FileId file, size_t n, size_t n_given, size_t n_own, size_t n_named) {
      PathEvidence& evidence = out[file];
      evidence.name = std::max(evidence.name, 1.0F / static_cast<float>(n_named));
      if (is_apart) evidence.mention = 1;
      if (n_given > 1 && n > 1 && (n == n_given || n == n_own)) {
        evidence.path = std::max(evidence.path, static_cast<float>(n) / static_cast<float>(n_own));
      }
    });
  }
  std::vector<FileTree::FileId> frames;
  for (const std::string& frame : query.frames) {
    FileTree::FileId best_file = 0;
    size_t best = 0;
    matched(frame, [&](FileTree::FileId file, size_t n, size_t n_given, size_t n_own, size_t n_named) {
      const bool fits = n == n_own || n == n_given || n >= 2 || n_named == 1;
      if (fits && n > best) {
        best = n;
        best_file = file;
      }
    });
    if (best > 0) frames.push_back(best_file);
  }
  for (size_t i = 0; i < frames.size(); ++i) {
    out[frames[i]].frame = 1;
    out[frames[i]].frame_depth = static_cast<float>(i + 1) / static_cast<float>(frames.size());
  }
  if (!frames.empty()) out[frames.back()].last_frame = 1;

  // Dotted names: some first part of them may be a module, what follows is in it.
  for (const std::string& dotted : query.modules) {
    const std::vector<std::string> parts = split(dotted, '.');
    for (size_t n = parts.size(); n >= 2; --n) {
      const auto named = by_stem_.find(parts[n - 1]);
      if (named == by_stem_.end()) continue;
      for (const FileTree::FileId file : named->second) {
        const size_t common = common_end(std::span(parts).first(n), components_[file]);
        if (common < 2) continue;
        const float score = static_cast<float>(common - 1) + (common == n ? 0.5F : 0.0F);
        out[file].module = std::max(out[file].module, score);
      }
    }
  }

  // Words.
  const std::unordered_set<std::string> words = terms_of(query.all), title = terms_of(query.title);
  const auto ids_of = [&](const std::unordered_set<std::string>& of) {
    std::vector<uint32_t> ids;
    for (const std::string& term : of) {
      if (const auto known = word_ids_.find(term); known != word_ids_.end()) ids.push_back(known->second);
    }
    std::ranges::sort(ids);  // the order in which a file's are summed
    return ids;
  };
  const std::vector<uint32_t> ids = ids_of(words), title_ids = ids_of(title);
  for (const uint32_t id : ids) {
    for (const FileTree::FileId file : words_[id].names) out[file].name_idf += words_[id].idf;
    for (const FileTree::FileId file : words_[id].folders) out[file].dir_words += words_[id].idf;
  }
  for (const uint32_t id : title_ids) {
    for (const FileTree::FileId file : words_[id].names) out[file].name_title += words_[id].idf;
  }
  for (const auto& [term, idf] : terms) {
    const auto known = title.contains(term) ? word_ids_.find(term) : word_ids_.end();
    if (known == word_ids_.end()) continue;
    for (const FileTree::FileId file : words_[known->second].folders) out[file].dir_title += idf;
  }
  add_name_like(query.title, out);
  for (FileTree::FileId file = 0; file < tree_.size(); ++file) {
    PathEvidence& evidence = out[file];
    if (name_idfs_[file] <= 0) continue;
    if (evidence.name_idf > 0) evidence.name_words = evidence.name_idf / name_idfs_[file];
    if (evidence.name_title > 0) evidence.name_title /= name_idfs_[file];
  }
  for (const NamedIdentifier& identifier : query.identifiers) {
    const auto named = by_stem_.find(identifier.name);
    if (named == by_stem_.end()) continue;
    const auto idf = static_cast<float>(inverse_document_frequency(tree_.size(), named->second.size()));
    for (const FileTree::FileId file : named->second) out[file].stem = std::max(out[file].stem, idf);
  }
  return out;
}

}  // namespace lode::index

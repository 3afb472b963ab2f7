#include "index/path_evidence.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "index/aside.h"
#include "index/bm25.h"
#include "index/code_terms.h"
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
    FileWords& words = words_of[file];
    if (stands_for_folder(tree.path(file)) && components.size() > 1) {
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
  name_idfs_.resize(tree.size());
  for (FileTree::FileId file = 0; file < tree.size(); ++file) {
    for (const uint32_t id : words_of[file].name) {
      name_idfs_[file] += words_[id].idf;
      words_[id].names.push_back(file);
    }
    for (const uint32_t id : words_of[file].folders) words_[id].folders.push_back(file);
  }
}

std::vector<PathEvidence> PathIndex::evidence(const QueryParts& query) const {
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
  for (const std::string& path : query.paths) {
    matched(path, [&](FileTree::FileId file, size_t n, size_t n_given, size_t n_own, size_t n_named) {
      PathEvidence& evidence = out[file];
      evidence.name = std::max(evidence.name, 1.0F / static_cast<float>(n_named));
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
  const auto ids_of = [&](const std::unordered_set<std::string>& terms) {
    std::vector<uint32_t> ids;
    for (const std::string& term : terms) {
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

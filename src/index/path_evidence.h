// How far a query names a file by its path: whole paths, file names, dotted modules, the frames of a traceback, and the
// words of its path. Made once a tree, then asked; immutable, any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "index/lexical_source.h"
#include "index/query_parts.h"

namespace lode::index {

struct PathEvidence {
  float path = 0;         // components of a path in the query that end in this one's, as a share of this one's
  float name = 0;         // the query has its file name, with extension: 1 / how many files are called so
  float mention = 0;      // the query has its file name elsewhere than in a traceback
  float module = 0;       // components of a dotted name that this path ends in (a/b/c.py: a.b.c), beyond its first
  float frame = 0;        // it is in a traceback
  float last_frame = 0;   // it is the last of this tree's files there
  float frame_depth = 0;  // how near to the end: (place + 1) / number
  float name_words = 0;   // summed idf of its file name's words that the query has, as a share of all of them
  float name_title = 0;   // the same for the title
  float name_like = 0;    // the same, a word counting as far as it begins like one of the title's
  float name_idf = 0;     // summed idf of its file name's words that the query has
  float dir_words = 0;    // summed idf of its folders' words that the query has
  float dir_title = 0;    // summed idf, in the tree's texts, of its folders' words that the title has
  float stem = 0;         // the query has its file name without extension as an identifier: its idf
};

// A file that stands for its folder as a whole: __init__.py, index.ts, mod.rs.
bool stands_for_folder(std::string_view path);

class PathIndex {
 public:
  explicit PathIndex(const FileTree& tree);
  // One a file. `terms`: the query's, with their idf in the tree's texts.
  [[nodiscard]] std::vector<PathEvidence> evidence(const QueryParts& query,
                                                   std::span<const std::pair<std::string, float>> terms) const;

  // Of a file's path, whatever the query.
  struct Place {
    uint32_t folder = 0;  // a number below n_folders(), the same for files of one folder
    float depth = 0;      // folders above it
    bool stands_for_folder = false;
    std::string_view aside;  // aside_word()
  };
  [[nodiscard]] const std::vector<Place>& places() const { return places_; }
  [[nodiscard]] size_t n_folders() const { return n_folders_; }

 private:
  // A word of paths.
  struct Word {
    float idf = 0;
    std::vector<FileTree::FileId> names, folders;  // the files that have it in their name, in folders
  };
  // A word of file names as it is written, in lower case and not stemmed.
  struct PlainWord {
    std::string word;
    float idf = 0;
    std::vector<FileTree::FileId> names;
  };
  void add_name_like(std::string_view title, std::vector<PathEvidence>& out) const;

  const FileTree& tree_;
  std::vector<std::vector<std::string>> components_;                        // of each path, the extension apart
  std::unordered_map<std::string, std::vector<FileTree::FileId>> by_name_;  // "query.py"
  std::unordered_map<std::string, std::vector<FileTree::FileId>> by_stem_;  // "query"; a package's: its folder
  std::unordered_map<std::string, uint32_t> word_ids_;
  std::vector<Word> words_;        // by id
  std::vector<float> name_idfs_;   // by file: summed over its name's words
  std::vector<PlainWord> plain_;   // by word
  std::vector<float> plain_idfs_;  // by file: summed over its name's plain words
  std::vector<Place> places_;      // by file
  size_t n_folders_ = 0;
};

}  // namespace lode::index

// The features of a file for a query, one row each: what it is called, which group it belongs to, and whether its
// values are scaled to 0..1 within a query's files. The names are those of the ranker's weights.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace lode::index {

enum class Feature : size_t {
  file_all,       // BM25 of the file
  file_all_rank,  // 1 / (rank + 2) by it
  file_title,     // by the query's title alone
  file_title_rank,
  file_code,    // by what it shows as code
  file_prose,   // by the rest
  file_all_k2,  // where counts and lengths tell more: k1 2, b 0.75
  file_names,   // its share of all places where names of the query stand, by their idf
  chunk_all,    // BM25 of its best chunk
  chunk_all_rank,
  chunk_all_top3,    // of its three best
  chunk_words_top3,  // the same, each of the query's words counted once
  chunk_top3_rank,
  chunk_title,
  chunk_title_rank,
  chunk_title_top3,
  chunk_title_many,  // how many come near the best of all
  chunk_code,
  chunk_prose,
  chunk_hits,  // the most idf of the query's terms in one chunk
  path,
  path_name,
  mention,  // its name, elsewhere than in a traceback
  module,
  frame,
  last_frame,
  frame_depth,
  name_words,
  name_title,
  name_like,  // words of its name that begin like words of the title
  name_idf,
  dir_words,
  dir_title,
  stem,
  defines_type,
  defines_function,
  defines_other,
  defines_alone,  // a name that few texts have, and few files define
  defines_marked,
  defines_marked_sum,
  defines_word,
  defines_word_sum,
  defines_title,
  defines_code,
  defines_qualified,
  names_file,  // terms of the names that it defines
  names_file_title,
  names_chunk,
  names_chunk_title,
  both,  // its best chunk by text and defined names together
  both_title,
  folder,  // chunk_all_top3 of the other files of its folder, mean
  length,
  depth,
  folder_file,  // one that stands for its folder
  aside,        // examples, documentation, what others wrote
};

struct FeatureRow {
  Feature feature;
  std::string_view name;
  std::string_view group;
  bool is_scaled;
};

inline constexpr std::array<FeatureRow, 56> kFeatureRows = {{
    {Feature::file_all, "file_all", "files", true},
    {Feature::file_all_rank, "file_all_rank", "files", false},
    {Feature::file_title, "file_title", "files", true},
    {Feature::file_title_rank, "file_title_rank", "files", false},
    {Feature::file_code, "file_code", "files", true},
    {Feature::file_prose, "file_prose", "files", true},
    {Feature::file_all_k2, "file_all_k2", "files", true},
    {Feature::file_names, "file_names", "files", true},
    {Feature::chunk_all, "chunk_all", "chunks", true},
    {Feature::chunk_all_rank, "chunk_all_rank", "chunks", false},
    {Feature::chunk_all_top3, "chunk_all_top3", "chunks", true},
    {Feature::chunk_words_top3, "chunk_words_top3", "chunks", true},
    {Feature::chunk_top3_rank, "chunk_top3_rank", "chunks", false},
    {Feature::chunk_title, "chunk_title", "chunks", true},
    {Feature::chunk_title_rank, "chunk_title_rank", "chunks", false},
    {Feature::chunk_title_top3, "chunk_title_top3", "chunks", true},
    {Feature::chunk_title_many, "chunk_title_many", "chunks", true},
    {Feature::chunk_code, "chunk_code", "chunks", true},
    {Feature::chunk_prose, "chunk_prose", "chunks", true},
    {Feature::chunk_hits, "chunk_hits", "chunks", true},
    {Feature::path, "path", "mentions", false},
    {Feature::path_name, "path_name", "mentions", false},
    {Feature::mention, "mention", "mentions", false},
    {Feature::module, "module", "mentions", true},
    {Feature::frame, "frame", "mentions", false},
    {Feature::last_frame, "last_frame", "mentions", false},
    {Feature::frame_depth, "frame_depth", "mentions", false},
    {Feature::name_words, "name_words", "path words", false},
    {Feature::name_title, "name_title", "path words", false},
    {Feature::name_like, "name_like", "path words", true},
    {Feature::name_idf, "name_idf", "path words", true},
    {Feature::dir_words, "dir_words", "path words", true},
    {Feature::dir_title, "dir_title", "path words", true},
    {Feature::stem, "stem", "path words", true},
    {Feature::defines_type, "defines_type", "definitions", true},
    {Feature::defines_function, "defines_function", "definitions", true},
    {Feature::defines_other, "defines_other", "definitions", true},
    {Feature::defines_alone, "defines_alone", "definitions", true},
    {Feature::defines_marked, "defines_marked", "definitions", true},
    {Feature::defines_marked_sum, "defines_marked_sum", "definitions", true},
    {Feature::defines_word, "defines_word", "definitions", true},
    {Feature::defines_word_sum, "defines_word_sum", "definitions", true},
    {Feature::defines_title, "defines_title", "definitions", true},
    {Feature::defines_code, "defines_code", "definitions", true},
    {Feature::defines_qualified, "defines_qualified", "definitions", true},
    {Feature::names_file, "names_file", "defined names", true},
    {Feature::names_file_title, "names_file_title", "defined names", true},
    {Feature::names_chunk, "names_chunk", "defined names", true},
    {Feature::names_chunk_title, "names_chunk_title", "defined names", true},
    {Feature::both, "both", "defined names", true},
    {Feature::both_title, "both_title", "defined names", true},
    {Feature::folder, "folder", "place", true},
    {Feature::length, "length", "place", true},
    {Feature::depth, "depth", "place", true},
    {Feature::folder_file, "folder_file", "place", false},
    {Feature::aside, "aside", "place", false},
}};
inline constexpr size_t kFeatures = kFeatureRows.size();

}  // namespace lode::index

// A file as search sees it: its symbols, and its chunks, which tile it. A chunk is what a definition takes, so that a
// hit is a function and not half of one: small neighbours are joined, what is too long is cut at its seams. Where no
// grammar knows the language, chunks are cut by lines. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "code/language.h"
#include "code/outline.h"
#include "index/lexicon.h"

namespace lode::index {

struct Chunk {
  uint32_t begin = 0;  // bytes
  uint32_t end = 0;
  uint32_t first_line = 0;  // from 1
  uint32_t last_line = 0;
  int32_t symbol = -1;  // the innermost that holds all of it, or else the first that begins in it
};

struct Document {
  code::Language language = code::Language::text;
  std::vector<code::Symbol> symbols;  // by begin
  std::vector<Chunk> chunks;          // by begin; of whole lines
};

struct DocumentOptions {
  size_t min_bytes = 350;  // neighbours are joined up to here
  size_t max_bytes = 1000;
};

// `text` need not be UTF-8; an empty one has no chunks.
Document read_document(std::string_view path, std::string_view text, const DocumentOptions& options = {});

// The terms of each chunk: those of its text (code_terms), and beside them, not counted into its length, those of the
// names that it defines, with kDefinedMark in front, so that a query can ask for either. `lexicon` is of code_terms.
inline constexpr std::string_view kDefinedMark = "=";
std::vector<Counts> count_chunks(std::string_view text, const Document& document, Lexicon& lexicon);

// What a chunk's vector is made of: its path and the names of what encloses it, then its text, which is made valid
// UTF-8.
std::string chunk_text(std::string_view path, std::string_view text, const Document& document, const Chunk& chunk);

}  // namespace lode::index

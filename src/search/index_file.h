// The index as a file: a folder with the SQLite file index.db (docs/formats.md has its tables) and the lock of who
// writes. An index of another version, or one whose tables are not as expected, is refused with what to do. One thread
// at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "search/database.h"

namespace lode::search {

inline constexpr int kFormatVersion = 2;
// Two dictionaries a segment.
enum class Dictionary : uint8_t {
  terms = 0,        // of chunks: postings of (chunk, count)
  definitions = 1,  // definition_key of names: postings of (content, definition_code)
};

std::filesystem::path index_file(const std::filesystem::path& index);
// Whether a file of this name in an index's folder is one of the index.
bool is_own_file(std::string_view name);

// For writing, made where it is missing; who calls holds the lock.
Result<Database> open_to_write(const std::filesystem::path& index);
// Errors: not_found where there is none.
Result<Database> open_to_read(const std::filesystem::path& index);
// Takes an index away, for one that is built anew. Readers that have it open keep what they see.
Status remove_index_file(const std::filesystem::path& index);

}  // namespace lode::search

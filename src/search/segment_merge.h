// Fewer and fuller segments: some are read side by side and written as one, without the chunks of contents that no tree
// holds any more; those contents go too. Memory: the segments' tables and one term's postings. Within the writer's
// transaction; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"
#include "search/database.h"
#include "search/segment_table.h"

namespace lode::search {

// More segments than this are merged: a query asks each of them for each of its terms.
inline constexpr size_t kMaxSegments = 8;

// Which to merge, by id: of too many the smallest ones, in such numbers that a chunk is rewritten a logarithmic number
// of times while an index grows; or, where a third of all chunks is dead, all that hold a dead one. Empty: none.
Result<std::vector<int64_t>> segments_to_merge(const Database& database);

Status merge_segments(const Database& database, const std::vector<int64_t>& segments, int64_t merged);

}  // namespace lode::search

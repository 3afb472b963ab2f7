// Which blocks of a VectorFile a tree's contents have. The reader's thread.
#pragma once

#include <vector>

#include "base/error.h"
#include "search/index_reader.h"
#include "search/vector_file.h"

namespace lode::search {

// By place in contents(): a content's chunks under the first of its paths, which is put in front of them. Errors: those
// of the reader.
Result<std::vector<BlockKey>> block_keys(IndexReader& reader);

}  // namespace lode::search

// Where indexes lie: for a folder $LODE_HOME/indexes/NAME-HASH, by default under ~/.cache/lode, named by the folder's
// name and a hash of its whole path. The work trees of one git repository share an index, that of the main one, so
// what they have in common is read once. Any thread.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "search/index_writer.h"

namespace lode::apps {

struct IndexPlace {
  search::RootName root;
  std::filesystem::path index;
};

// `index`: as the user named it, "" for the default; `revision` "" for the folder as it is. Errors: not_found for a
// folder that is not there.
Result<IndexPlace> locate_index(const std::string& folder, const std::string& index, const std::string& revision);

}  // namespace lode::apps

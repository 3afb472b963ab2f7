// The data of clustering: texts and the groups that people put them into, perhaps on several levels. Plain data; any
// thread but for reading and converting.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace lode::eval {

// Texts that are clustered together.
struct TextGroups {
  std::vector<std::string> texts;
  // [texts] lists: a text's label on each level, the broadest first; shorter where a level is missing. Whole numbers as
  // their digits.
  std::vector<std::vector<std::string>> labels;
};

// Either layout of MTEB's: a row is a set ("sentences" and "labels", two lists of one length), or a row is a text
// ("sentences" or "text", and "labels" or "label": one, or a list of levels) and all rows are one set. Errors: those of
// each_row; corrupt, naming the row; corrupt for a file without texts.
Result<std::vector<TextGroups>> read_text_groups(const std::filesystem::path& file);

// The one set that MTEB's newer tasks make of several: every text once, with its first labels, and of more than
// `most` a sample.
TextGroups joined(const std::vector<TextGroups>& sets, uint32_t most = 100000);

}  // namespace lode::eval

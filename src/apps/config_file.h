// The file behind --config: TOML with common keys at the top level and one table a command.
//     threads = 4
//     [serve]
//     port = 9000
// This file only reads; which keys exist is the frame's business. toml++ is hidden in config_file.cc. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::apps {

struct Setting {
  std::string table;                // "" at the top level, else the command
  std::string key;                  // an option's long name without dashes; "" for the table's own line
  std::vector<std::string> values;  // one, or the elements of an array; as one would type them
  int line = 0;                     // in the file, from 1
};

// Settings in file order. Refuses what is not TOML, tables inside tables, and values that are neither text, number nor
// boolean, or an array of those; each error names file and line.
Result<std::vector<Setting>> read_config(std::string_view toml, std::string_view file_name);

}  // namespace lode::apps

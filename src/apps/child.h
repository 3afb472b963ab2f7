// Another program run to its end: what it printed, and how it ended. Main thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace lode::apps {

struct ChildResult {
  std::string output;   // stdout
  std::string message;  // the last line of stderr that says something
  int exit_code = 0;    // 128 + the signal where one ended it
  double seconds = 0;   // from its start to its end
};

// arguments[0] is looked for as a shell does; stdin is empty. Error: io when it cannot be started. Ctrl-C reaches it
// too, since it is of the same process group.
Result<ChildResult> run_child(const std::vector<std::string>& arguments);

}  // namespace lode::apps

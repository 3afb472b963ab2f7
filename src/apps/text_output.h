// Text to a file that appears when it is whole, or to stdout. Errors: io. Main thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "apps/staged_file.h"
#include "base/error.h"

namespace lode::apps {

class TextOutput {
 public:
  // "-": stdout.
  static Result<TextOutput> open(const std::string& path);
  Status write(std::string_view text);
  Status finish();

 private:
  std::unique_ptr<StagedFile> file_;  // null: stdout
};

}  // namespace lode::apps

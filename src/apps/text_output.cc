#include "apps/text_output.h"

#include "apps/command.h"

namespace lode::apps {

Result<TextOutput> TextOutput::open(const std::string& path) {
  TextOutput out;
  if (path == "-") return out;
  out.file_ = std::make_unique<StagedFile>(path);
  LODE_TRY(out.file_->open());
  return out;
}

Status TextOutput::write(std::string_view text) {
  return file_ == nullptr ? write_stdout(text) : file_->write(text.data(), text.size());
}

Status TextOutput::finish() {
  return file_ == nullptr ? Status{} : file_->commit();
}

}  // namespace lode::apps

// Bytes as they come, cut into lines: a message is a line. A line that is longer than the limit is thrown away as it
// comes and told as such, so memory is bounded whatever is sent. One thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace lode::mcp {

struct Line {
  std::string text;       // without its end
  bool too_long = false;  // then without its text
};

class Lines {
 public:
  explicit Lines(size_t most_bytes) : most_bytes_(most_bytes) {}

  void add(std::string_view bytes) { waiting_ += bytes; }
  // The next whole line.
  std::optional<Line> next() {
    const size_t end = waiting_.find('\n', seen_);
    if (end == std::string::npos) {
      seen_ = waiting_.size();
      if (waiting_.size() > most_bytes_) {
        skipping_ = true;
        waiting_.clear();
        seen_ = 0;
      }
      return std::nullopt;
    }
    Line out{.text = waiting_.substr(0, end), .too_long = std::exchange(skipping_, false) || end > most_bytes_};
    if (out.too_long) out.text.clear();
    if (out.text.ends_with('\r')) out.text.pop_back();
    waiting_.erase(0, end + 1);
    seen_ = 0;
    return out;
  }
  // What stands behind the last line's end, when nothing more comes.
  Line rest() {
    Line out{.text = std::exchange(waiting_, {}), .too_long = std::exchange(skipping_, false)};
    if (out.too_long) out.text.clear();
    return out;
  }

 private:
  size_t most_bytes_;
  std::string waiting_;
  size_t seen_ = 0;        // of waiting_: no line's end before here
  bool skipping_ = false;  // within a line that is too long
};

}  // namespace lode::mcp

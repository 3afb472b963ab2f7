// Patterns of files like .gitignore, by the rules of gitignore(5): the last pattern that matches decides, a pattern
// with a slash before its end is bound to the folder of its file, `*` does not cross a slash, `**` does. Whether a
// folder above is ignored is the caller's to know (nothing below such a folder can be kept). A pattern that cannot be
// read matches nothing. Matching takes at most the product of both lengths, whatever the pattern. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lode::search {

enum class Verdict : uint8_t { none, ignored, kept };

// Whether all of `text`, a path without a slash at its ends, matches. `pattern` has no slash in front.
bool glob_matches(std::string_view pattern, std::string_view text);

class IgnoreRules {
 public:
  // The patterns of a file that lies in `folder`: "" or a path with a slash behind it. Files of deeper folders come
  // after those of the folders above.
  void add(std::string_view folder, std::string_view file_text);
  // Takes back what was added since size() was n.
  void shrink(size_t n) { patterns_.resize(n); }
  [[nodiscard]] size_t size() const { return patterns_.size(); }

  [[nodiscard]] Verdict verdict(std::string_view path, bool is_folder) const;

 private:
  enum class Form : uint8_t { literal, ending, glob };
  struct Pattern {
    std::string text;      // of an `ending`: without its star
    std::string folder;    // that it is bound to
    size_t n_literal = 0;  // of a glob: bytes in front of its first wildcard
    Form form = Form::glob;
    bool keeps = false;         // began with !
    bool folders_only = false;  // ended in a slash
    bool whole_path = false;    // has a slash: matched with the path below `folder`, else with the name alone
  };
  void add_line(std::string_view folder, std::string_view line);

  std::vector<Pattern> patterns_;
};

}  // namespace lode::search

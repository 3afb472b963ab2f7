// The texts that a command works through, one at a time: lines of plain text, rows of JSONL, or whole files. Streams,
// so that input may be larger than memory and a line as long as it likes. Plain text: a line is a text, an empty line
// is an empty text, a "\r" before the line's end is dropped, the last line may lack its "\n". JSONL: blank lines are
// skipped. A UTF-8 byte order mark that opens a file is dropped. Refuses rows that are not as they should be, by file
// and line. Main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::apps {

struct TextInputOptions {
  std::vector<std::string> files;              // in order; "-" is stdin, and so is an empty list
  bool whole_files = false;                    // each file is one text
  std::optional<std::string> text_field = {};  // the member of a JSONL row that is the text; given, everything is
                                               // JSONL. Else only *.jsonl is, and its texts are under "text"
};

struct TextRow {
  std::string text;
  std::optional<std::string> id;           // JSONL: the scalar `id`, as JSON
  std::optional<std::string> instruction;  // JSONL: the string `instruction`
  std::string where;                       // "docs.jsonl line 3", for messages
};

class TextInput {
 public:
  explicit TextInput(TextInputOptions options);

  // The next text; empty at the end. After an error only the end of use is defined.
  Result<std::optional<TextRow>> next();

 private:
  struct Close {
    void operator()(std::FILE* file) const;
  };
  struct Free {
    void operator()(char* line) const;
  };

  Status open_next();
  // The next line without its end, into line_; false at the end of the file.
  Result<bool> read_line();
  Result<TextRow> read_whole();
  [[nodiscard]] Result<TextRow> parse_row(const std::string& where) const;
  [[nodiscard]] std::unexpected<Error> read_failed() const;

  TextInputOptions options_;
  size_t n_opened_ = 0;
  std::unique_ptr<std::FILE, Close> file_;
  std::string name_;  // of the open file, for messages
  bool is_jsonl_ = false;
  int64_t line_number_ = 0;
  std::unique_ptr<char, Free> buffer_;  // getline's
  size_t buffer_size_ = 0;
  std::string_view line_;
};

}  // namespace lode::apps

// A query taken apart: what it is about, what it says in prose and shows as code, and what it names: identifiers,
// files, modules, the frames of a traceback. A search of three words and an issue of three pages go the same way. Pure;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lode::index {

struct NamedIdentifier {
  std::string name;      // as it is written
  uint32_t n = 0;        // times it stands in the query
  bool in_code = false;  // somewhere in code, or in backquotes
  bool in_title = false;
  // It looks like a name and not like a word: capitals within, `_`, digits.
  bool is_marked = false;
};

struct QueryParts {
  std::string all;                           // valid UTF-8, without the comments of a form
  std::string title;                         // the first line that holds something
  std::string prose;                         // all that is not code, the title too
  std::string code;                          // fenced, indented or prompted lines, and what stands in backquotes
  std::vector<NamedIdentifier> identifiers;  // each once, in the order of first use
  std::vector<std::string> paths;            // "django/db/models/query.py", "query.py": with a slash or an extension
  std::vector<std::string> modules;          // "django.db.models.query", with a dot
  std::vector<std::string> frames;           // the files of a traceback, in its order: paths or module files
};

QueryParts take_apart(std::string_view query);

}  // namespace lode::index

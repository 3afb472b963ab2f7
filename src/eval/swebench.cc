#include "eval/swebench.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "eval/jsonl.h"

namespace lode::eval {
namespace {

// The files that a unified diff changes, as it names them before the change.
std::vector<std::string> changed_files(std::string_view patch) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < patch.size();) {
    const size_t end = std::min(patch.find('\n', begin), patch.size());
    const std::string_view line = patch.substr(begin, end - begin);
    begin = end + 1;
    constexpr std::string_view kBefore = "--- a/";
    if (!line.starts_with(kBefore)) continue;
    std::string path(line.substr(kBefore.size()));
    while (path.ends_with('\r') || path.ends_with('\t')) path.pop_back();
    if (std::ranges::find(out, path) == out.end()) out.push_back(std::move(path));
  }
  return out;
}

// It becomes a file name, so nothing but names.
bool is_repository(std::string_view repo) {
  const size_t slash = repo.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == repo.size() || repo.starts_with('.')) return false;
  return std::ranges::all_of(repo, [&, seen = 0](char c) mutable {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return letter || c == '-' || c == '_' || c == '.' || (c == '/' && ++seen == 1);
  });
}

}  // namespace

namespace {

// The rows of a file, of which `answer` reads what is asked and which file is right.
Result<std::vector<Issue>> read_rows(const std::filesystem::path& file,
                                     const std::function<Status(const Row&, Issue&)>& answer) {
  std::vector<Issue> out;
  std::set<std::string> ids;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    Issue issue;
    LODE_ASSIGN(issue.id, row.text("instance_id"));
    if (!ids.insert(issue.id).second) {
      return fail(Code::corrupt, fmt::format("{}: the issue {} stands twice", row.where(), issue.id));
    }
    LODE_ASSIGN(issue.repo, row.text("repo"));
    if (!is_repository(issue.repo)) {
      return fail(Code::corrupt, fmt::format("{}: the repository of {} is \"{}\", OWNER/NAME was expected", row.where(),
                                             issue.id, issue.repo));
    }
    if (auto commit = row.text("base_commit")) issue.base_commit = *std::move(commit);
    if (Status answered = answer(row, issue); !answered) return answered;
    out.push_back(std::move(issue));
    return {};
  }));
  return out;
}

}  // namespace

Result<std::vector<Issue>> read_issues(const std::filesystem::path& file) {
  return read_rows(file, [](const Row& row, Issue& issue) -> Status {
    LODE_ASSIGN(issue.statement, row.text("problem_statement"));
    LODE_ASSIGN(const std::string patch, row.text("patch"));
    std::vector<std::string> changed = changed_files(patch);
    if (changed.size() != 1) {
      return fail(Code::corrupt, fmt::format("{}: the patch of {} changes {} files, 1 was expected", row.where(),
                                             issue.id, changed.size()));
    }
    issue.gold = std::move(changed.front());
    return {};
  });
}

Result<std::vector<Issue>> read_located_queries(const std::filesystem::path& file) {
  return read_rows(file, [](const Row& row, Issue& issue) -> Status {
    LODE_ASSIGN(issue.statement, row.text("query"));
    LODE_ASSIGN(issue.gold, row.text("gold"));
    return {};
  });
}

std::map<std::string, std::vector<size_t>> by_repository(const std::vector<Issue>& issues) {
  std::map<std::string, std::vector<size_t>> out;
  for (size_t i = 0; i < issues.size(); ++i) out[issues[i].repo].push_back(i);
  return out;
}

bool is_candidate(std::string_view path) {
  if (!path.ends_with(".py")) return false;
  constexpr std::array<std::string_view, 3> kTestWords = {"test", "tests", "testing"};
  std::string word;
  for (const char c : path) {  // its last word is "py"
    if (c == ' ' || c == '_' || c == '/' || c == '.') {
      if (std::ranges::find(kTestWords, word) != kTestWords.end()) return false;
      word.clear();
    } else {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    }
  }
  return true;
}

}  // namespace lode::eval

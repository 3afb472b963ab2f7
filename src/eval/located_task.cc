#include "eval/located_task.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string in_lower_case(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return out;
}

}  // namespace

LocatedTask located_by(Rules rules, const Task& task, const fs::path& folder) {
  LocatedTask out{.task = task, .folder = folder};
  if (rules == Rules::mteb_v2 && !task.main_score_v2.empty()) out.task.main_score = task.main_score_v2;
  return out;
}

Result<LocatedTask> locate(const Task& task, const fs::path& data, Rules rules) {
  LocatedTask out = located_by(rules, task, {});
  std::vector<std::string> looked_for;
  for (const std::string_view name : task.names()) {
    fs::path folder = data / name;
    looked_for.push_back(folder.string());
    if (!is_folder(folder)) folder = data / in_lower_case(name);
    if (!is_folder(folder) || folder.filename() == task.packed_folder) continue;
    out.folder = folder;
    out.task.stand_in = {};
    if (task.subsets.size() == 1 && is_folder(folder / task.subsets.front())) out.folder /= task.subsets.front();
    return out;
  }
  if (!task.packed_folder.empty()) {
    const fs::path folder = data / task.packed_folder;
    looked_for.push_back(folder.string());
    if (is_folder(folder)) {
      out.folder = folder;
      out.task.split = task.packed_split;
      out.task.train_split = task.packed_train_split;
      return out;
    }
  }
  return fail(Code::not_found, fmt::format("there are no data of {}", task.name),
              fmt::format("Looked for {}. docs/evaluation.md has the layouts.", fmt::join(looked_for, ", ")));
}

}  // namespace lode::eval

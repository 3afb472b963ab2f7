#include "eval/folder_task.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/jsonl.h"
#include "eval/retrieval_data.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

// "test.jsonl.gz" is "test.jsonl".
std::string unpacked_name(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".gz") || name.ends_with(".xz") ? name.substr(0, name.size() - 3) : name;
}

std::string without(std::string name, std::string_view ending) {
  if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  return name;
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file(error)) out.push_back(at->path());
  }
  std::ranges::sort(out);
  return out;
}

bool has_fields(const json::Document& row, std::initializer_list<std::string_view> fields) {
  return std::ranges::all_of(fields, [&](std::string_view field) { return row.root().find(field).has_value(); });
}

bool is_scored_pairs(const fs::path& file) {
  if (!unpacked_name(file).ends_with(".jsonl")) return false;
  const auto row = first_row(file);
  return row && (has_fields(*row, {"score", "sentence1", "sentence2"}) || has_fields(*row, {"score", "s1", "s2"}));
}

Result<std::string> chosen_split(const std::set<std::string>& splits, const fs::path& folder) {
  if (splits.contains("test")) return std::string("test");
  if (splits.size() == 1) return *splits.begin();
  return fail(Code::invalid_argument,
              fmt::format("{} has the splits {} and no test", folder.string(), fmt::join(splits, ", ")),
              "Leave the one to evaluate, or name it test.");
}

std::set<std::string> retrieval_splits(const fs::path& folder) {
  std::set<std::string> out;
  for (const char* place : {"qrels", "default"}) {
    for (const fs::path& file : files_of(folder / place)) {
      const std::string split = fs::path(unpacked_name(file)).stem().string();
      if (find_qrels(folder, split) && !find_parts(folder, "queries").empty()) out.insert(split);
    }
  }
  for (const fs::path& file : files_of(folder)) {
    const std::string name = unpacked_name(file);
    if (!name.ends_with(".jsonl")) continue;
    const auto row = first_row(file);
    if (row && (has_fields(*row, {"query", "positive_id"}) || has_fields(*row, {"query", "positive_ids"}))) {
      out.insert(without(name, ".jsonl"));
    }
  }
  return out;
}

}  // namespace

LocatedTask FolderTask::located() const {
  LocatedTask out{.task = {}, .folder = folder};
  out.task.name = name;
  out.task.kind = kind;
  out.task.split = split;
  out.task.main_score = main_score;
  return out;
}

Result<FolderTask> recognise(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(path, error);
  if (error || !fs::exists(whole, error)) return fail(Code::not_found, fmt::format("there is no {}", path.string()));
  FolderTask out;
  out.name = without(unpacked_name(whole), ".jsonl");
  if (fs::is_regular_file(whole, error)) {
    if (!is_scored_pairs(whole)) {
      return fail(Code::invalid_argument,
                  fmt::format("{} is no file of scored pairs (\"score\", \"sentence1\", \"sentence2\")", path.string()),
                  "docs/evaluation.md has the layouts of data sets.");
    }
    out.kind = TaskKind::sts;
    out.folder = whole.parent_path();
    out.split = out.name;
    out.main_score = "cosine_spearman";
    return out;
  }
  out.folder = whole;
  if (!find_parts(whole, "corpus").empty()) {
    const std::set<std::string> splits = retrieval_splits(whole);
    if (!splits.empty()) {
      LODE_ASSIGN(out.split, chosen_split(splits, path));
      out.main_score = "ndcg_at_10";
      return out;
    }
  }
  std::set<std::string> pairs;
  for (const fs::path& file : files_of(whole)) {
    if (is_scored_pairs(file)) pairs.insert(without(unpacked_name(file), ".jsonl"));
  }
  if (pairs.empty()) {
    return fail(
        Code::invalid_argument,
        fmt::format("{} has no known layout: neither corpus.jsonl with queries.jsonl and qrels/SPLIT.tsv or with "
                    "SPLIT.jsonl, nor a .jsonl of scored pairs",
                    path.string()),
        "docs/evaluation.md has the layouts of data sets.");
  }
  LODE_ASSIGN(out.split, chosen_split(pairs, path));
  out.kind = TaskKind::sts;
  out.main_score = "cosine_spearman";
  return out;
}

}  // namespace lode::eval

#include "eval/folder_task.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "eval/jsonl.h"
#include "eval/retrieval_data.h"
#include "eval/row_kind.h"

namespace lode::eval {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLayoutsHint = "docs/evaluation.md has the layouts of data sets.";
constexpr std::string_view kTrain = "train";

// "test.jsonl.gz" is "test.jsonl".
std::string unpacked_name(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.ends_with(".gz") || name.ends_with(".xz") ? name.substr(0, name.size() - 3) : name;
}

bool is_rows(const fs::path& file) {
  return unpacked_name(file).ends_with(".jsonl");
}

std::string split_of(const fs::path& file) {
  return fs::path(unpacked_name(file)).stem().string();
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

std::vector<fs::path> row_files_of(const fs::path& folder) {
  std::vector<fs::path> out = files_of(folder);
  std::erase_if(out, [](const fs::path& file) { return !is_rows(file); });
  return out;
}

Result<std::string> chosen_split(const std::set<std::string>& splits, const fs::path& folder) {
  if (splits.contains("test")) return std::string("test");
  if (splits.size() == 1) return *splits.begin();
  return fail(Code::invalid_argument,
              fmt::format("{} has the splits {} and no test", folder.string(), fmt::join(splits, ", ")),
              "Leave the one to evaluate, or name it test.");
}

// The splits that have judgements in a file of their own.
std::set<std::string> judged_splits(const fs::path& folder) {
  std::set<std::string> out;
  for (const char* place : {"qrels", "default"}) {
    for (const fs::path& file : files_of(folder / place)) {
      if (const std::string split = split_of(file); find_qrels(folder, split)) out.insert(split);
    }
  }
  return out;
}

// Those whose rows have a query and the ids of what is right.
std::set<std::string> splits_with_ids(const fs::path& folder) {
  std::set<std::string> out;
  for (const fs::path& file : row_files_of(folder)) {
    const auto row = first_row(file);
    const auto has = [&](std::string_view field) { return row && row->root().find(field).has_value(); };
    if (has("query") && (has("positive_id") || has("positive_ids"))) out.insert(split_of(file));
  }
  return out;
}

// A folder that has a part of what makes a retrieval set has to have all of it.
Result<FolderTask> of_retrieval(FolderTask out, const fs::path& path) {
  const bool has_corpus = !find_parts(out.folder, "corpus").empty();
  const bool has_queries = !find_parts(out.folder, "queries").empty();
  const bool is_ranked = find_packed(out.folder, "top_ranked.jsonl").has_value();
  const std::set<std::string> judged = judged_splits(out.folder);
  std::set<std::string> splits = splits_with_ids(out.folder);
  const bool has_ids = !splits.empty();
  if (has_queries) splits.insert(judged.begin(), judged.end());
  if (has_corpus && !splits.empty()) {
    LODE_ASSIGN(out.split, chosen_split(splits, path));
    out.kind = is_ranked ? TaskKind::reranking : TaskKind::retrieval;
    return out;
  }
  std::vector<std::string_view> seen, missing;
  const auto tell = [&](bool is_there, std::string_view what) { (is_there ? seen : missing).push_back(what); };
  tell(has_corpus, "corpus.jsonl");
  if (has_ids) {
    tell(true, "queries with the ids of their documents");
  } else {
    tell(has_queries, "queries.jsonl");
    tell(!judged.empty(), "judgements (qrels/SPLIT.tsv or .jsonl)");
  }
  if (is_ranked) tell(true, "top_ranked.jsonl");
  return fail(
      Code::invalid_argument,
      fmt::format("{} has {}, but lacks {}", path.string(), fmt::join(seen, ", "), fmt::join(missing, ", ")),
      fmt::format("A retrieval set has all three, or corpus.jsonl and rows of \"query\" and \"positive_ids\". {}",
                  kLayoutsHint));
}

// Where there are no rows, what else there is.
std::unexpected<Error> nothing_to_read(const fs::path& folder, const fs::path& path) {
  std::vector<std::string> folders;
  bool has_parquet = false;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".parquet") has_parquet = true;
    if (at.depth() == 0 && at->is_directory(error) && !row_files_of(at->path()).empty()) {
      folders.push_back(at->path().filename().string());
    }
    if (at.depth() > 0) at.disable_recursion_pending();
  }
  std::ranges::sort(folders);
  const std::string what = fmt::format("{} has no known layout: there is no .jsonl in it", path.string());
  if (!folders.empty()) {
    return fail(Code::invalid_argument, fmt::format("{}, but in {}", what, fmt::join(folders, ", ")),
                "Name one of these folders.");
  }
  if (has_parquet) {
    return fail(Code::invalid_argument, fmt::format("{}, but Parquet files", what),
                "tools/parquet_to_jsonl.py makes JSON lines of them.");
  }
  return fail(Code::invalid_argument, what, kLayoutsHint);
}

// The splits of a folder of rows by their kind, and those whose rows are of none.
struct RowFiles {
  std::map<TaskKind, std::set<std::string>> splits;
  std::map<std::string, Error> refused;

  explicit RowFiles(const fs::path& folder) {
    for (const fs::path& file : row_files_of(folder)) {
      auto kind = kind_of_rows(file);
      if (kind) {
        splits[*kind].insert(split_of(file));
      } else {
        refused.emplace(split_of(file), std::move(kind).error());
      }
    }
  }
};

// A classifier learns from train.jsonl; it leaves `splits`, which are those to score.
Status take_train(const fs::path& path, const RowFiles& files, std::set<std::string>& splits) {
  const std::string has = fmt::format("{} has {}.jsonl", path.string(), fmt::join(splits, ".jsonl, "));
  if (splits.erase(std::string(kTrain)) == 0) {
    if (const auto refused = files.refused.find(std::string(kTrain)); refused != files.refused.end()) {
      return std::unexpected(refused->second);
    }
    return fail(Code::invalid_argument,
                fmt::format("{}, texts with labels, but no train.jsonl to learn these from", has),
                "Classification needs both. For clustering the columns are \"sentences\" and \"labels\".");
  }
  if (!splits.empty()) return {};
  return fail(Code::invalid_argument, fmt::format("{} to learn labels from, but no test.jsonl to score", has),
              kLayoutsHint);
}

Result<FolderTask> of_rows(FolderTask out, const fs::path& path) {
  RowFiles files(out.folder);
  if (files.splits.empty() && files.refused.empty()) return nothing_to_read(out.folder, path);
  // Another split is not what is meant where the test is broken.
  if (const auto test = files.refused.find("test"); test != files.refused.end()) return std::unexpected(test->second);
  if (files.splits.empty()) return std::unexpected(files.refused.begin()->second);
  if (files.splits.size() > 1) {
    std::vector<std::string> kinds;
    for (const auto& [kind, splits] : files.splits) {
      kinds.push_back(fmt::format("{} ({}.jsonl)", kind_name(kind), fmt::join(splits, ".jsonl, ")));
    }
    return fail(Code::invalid_argument,
                fmt::format("{} has rows of several kinds: {}", path.string(), fmt::join(kinds, ", ")),
                "Name the file to evaluate.");
  }
  auto& [kind, splits] = *files.splits.begin();
  if (kind == TaskKind::classification) LODE_TRY(take_train(path, files, splits));
  LODE_ASSIGN(out.split, chosen_split(splits, path));
  out.kind = kind;
  return out;
}

Result<FolderTask> of_one_file(FolderTask out, const fs::path& file, const fs::path& path) {
  if (!is_rows(file)) return fail(Code::invalid_argument, fmt::format("{} is no .jsonl", path.string()), kLayoutsHint);
  LODE_ASSIGN(out.kind, kind_of_rows(file));
  out.folder = file.parent_path();
  out.split = split_of(file);
  if (out.kind != TaskKind::classification) return out;
  const auto train = find_packed(out.folder, std::string(kTrain) + ".jsonl");
  if (!train || out.split == kTrain) {
    return fail(Code::invalid_argument,
                fmt::format("{} has texts with labels, and beside it is no {}", path.string(),
                            train ? "other file that is to be scored" : "train.jsonl to learn these from"),
                "Name the file to score, or the folder of both.");
  }
  LODE_ASSIGN(const TaskKind kind, kind_of_rows(*train));
  if (kind != out.kind) {
    return fail(Code::invalid_argument,
                fmt::format("{} is {}, classification was expected", train->string(), kind_name(kind)), kLayoutsHint);
  }
  return out;
}

// By MTEB 1 and by MTEB 2.
std::pair<std::string_view, std::string_view> main_scores(TaskKind kind) {
  switch (kind) {
    case TaskKind::retrieval: return {"ndcg_at_10", {}};
    case TaskKind::reranking: return {"map", "map_at_1000"};
    case TaskKind::classification: return {"accuracy", {}};
    case TaskKind::clustering: return {"v_measure", {}};
    case TaskKind::pair_classification: return {"cosine_ap", "max_ap"};
    case TaskKind::sts:
    case TaskKind::summarization: return {"cosine_spearman", {}};
    case TaskKind::swebench: break;
  }
  return {};
}

}  // namespace

LocatedTask FolderTask::located(Rules rules) const {
  Task task;
  task.name = name;
  task.kind = kind;
  task.split = split;
  task.train_split = kTrain;
  std::tie(task.main_score, task.main_score_v2) = main_scores(kind);
  return located_by(rules, task, folder);
}

Result<FolderTask> recognise(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(path, error);
  if (error || !fs::exists(whole, error)) return fail(Code::not_found, fmt::format("there is no {}", path.string()));
  const bool is_file = fs::is_regular_file(whole, error);
  FolderTask out{
      .name = is_rows(whole) ? split_of(whole) : unpacked_name(whole), .kind = {}, .folder = whole, .split = {}};
  if (is_file) return of_one_file(std::move(out), whole, path);
  const bool is_retrieval = !find_parts(whole, "corpus").empty() || !find_parts(whole, "queries").empty() ||
                            find_packed(whole, "top_ranked.jsonl").has_value();
  return is_retrieval ? of_retrieval(std::move(out), path) : of_rows(std::move(out), path);
}

}  // namespace lode::eval

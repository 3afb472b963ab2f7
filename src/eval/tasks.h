// The tasks that are known by name: one row a task. A task's data are looked for under its own name first; what a
// folder of data sets holds in its place may stand in for it, and then every table says so.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace lode::eval {

enum class TaskKind : unsigned char {
  retrieval,
  reranking,
  classification,
  clustering,
  pair_classification,
  sts,
  summarization,
  swebench,
};
std::string_view kind_name(TaskKind kind);

// The lists that a card's table averages over.
enum class Benchmark : unsigned char { none, mteb_v1, coir };
std::string_view benchmark_name(Benchmark benchmark);

// Which texts of a task get its instruction: a search's queries, or both sides of what is symmetric.
enum class Instructed : unsigned char { queries, all };

// Where an instruction is from: published with the model, the field's list for such models (E5's, which NV-Embed very
// probably used), or ours.
enum class InstructionFrom : unsigned char { published, inferred, ours };

struct Task {
  std::string_view name = {};  // MTEB's
  TaskKind kind = TaskKind::retrieval;
  Benchmark benchmark = Benchmark::none;
  std::string_view main_score = {};  // of its scores; main_score_v2 by the later rules, where that is another
  std::string_view main_score_v2 = {};

  // A task's own folder has its name, or one of the other names that the field writes (separated by spaces).
  std::string_view aliases = {};
  std::string_view split = "test";
  std::string_view train_split = "train";  // classification's examples
  // Scores are averaged over these folders in the task's own; one name: that folder, if it is there.
  std::span<const std::string_view> subsets = {};
  // What stands in, or holds the very set in another layout (stand_in is empty then). Its splits are file names.
  std::string_view packed_folder = {};
  std::string_view packed_split = {};
  std::string_view packed_train_split = {};
  std::string_view stand_in = {};

  std::string_view instruction = {};  // {task} of the model's own template; "" for the model's default
  InstructionFrom instruction_from = InstructionFrom::published;
  Instructed instructed = Instructed::queries;

  int n_per_label = 8;                   // classification: examples of each label in one experiment
  bool ignore_identical_ids = false;     // a document of the query's own id is no answer
  bool titles = true;                    // documents are title and text; false: the text alone
  std::optional<double> published = {};  // NV-Embed-v1's, in points, as its card has it

  // The name, then the aliases.
  [[nodiscard]] std::vector<std::string_view> names() const;
};

std::span<const Task> tasks();
// By name or alias, in any letter case; null for an unknown name.
const Task* find_task(std::string_view name);
// The tasks of a group: "mteb-v1", "coir", or the name of a kind. Empty for an unknown one.
std::vector<const Task*> find_group(std::string_view name);

}  // namespace lode::eval

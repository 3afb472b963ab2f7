// `lode score`: 100 x cosine of every query with every passage, printed as the models' cards print it.
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/model_options.h"
#include "base/float_text.h"

namespace lode::apps {
namespace {

struct ScoreOptions {
  ModelOptions model;
  std::vector<std::string> queries;
  std::vector<std::string> passages;
  std::string task;
  std::string instruction;
  std::string truncate = "none";
};

// side: "query" or "passage", for errors.
Result<std::vector<float>> embed_side(embed::Embedder& embedder, std::string_view side,
                                      const std::vector<std::string>& texts, std::string_view instruction,
                                      embed::Truncate truncate) {
  std::vector<embed::TokenSequence> sequences;
  for (size_t i = 0; i < texts.size(); ++i) {
    auto sequence = embedder.tokenize(texts[i], instruction, 0, truncate);
    if (!sequence) {
      Error error = cut_by_flag(std::move(sequence).error());
      error.message = fmt::format("{} {}: {}", side, i + 1, error.message);
      return std::unexpected(std::move(error));
    }
    sequences.push_back(*std::move(sequence));
  }
  std::vector<float> vectors(sequences.size() * static_cast<size_t>(embedder.dims()));
  LODE_TRY(embedder.compute(sequences, vectors));
  return vectors;
}

double cosine(const float* a, const float* b, int64_t n) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (int64_t i = 0; i < n; ++i) {
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  const double norms = std::sqrt(aa * bb);
  return norms > 0 ? dot / norms : 0;
}

Status score(const ScoreOptions& options, const Globals& globals) {
  LODE_ASSIGN(const auto embedder, open_embedder(options.model, globals));
  std::string instruction = options.instruction;
  if (!options.task.empty()) {
    LODE_ASSIGN(instruction, embed::task_instruction(embedder->config(), options.task));
  } else if (instruction.empty()) {
    instruction = embed::default_instruction(embedder->config(), embed::InputType::query);
  }
  const std::string_view passage = embed::default_instruction(embedder->config(), embed::InputType::passage);
  const embed::Truncate truncate = truncate_named(options.truncate);
  LODE_ASSIGN(const std::vector<float> queries, embed_side(*embedder, "query", options.queries, instruction, truncate));
  LODE_ASSIGN(const std::vector<float> passages, embed_side(*embedder, "passage", options.passages, passage, truncate));

  const int64_t n = embedder->dims();
  std::string out = "[";
  for (size_t q = 0; q < options.queries.size(); ++q) {
    out += q == 0 ? "[" : ", [";
    for (size_t p = 0; p < options.passages.size(); ++p) {
      if (p > 0) out += ", ";
      append_float(out, static_cast<float>(100 * cosine(queries.data() + static_cast<int64_t>(q) * n,
                                                        passages.data() + static_cast<int64_t>(p) * n, n)));
    }
    out += "]";
  }
  return write_stdout(out + "]\n");
}

}  // namespace

void add_score(Commands& commands) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App& app =
      commands.add("score", "100 x cosine, queries by passages",
                   "lode score -q 'how do I sort a list?' -p 'sorted(xs) returns a new list' 'the sky is blue'",
                   [options, &commands] { return score(*options, commands.globals()); });
  add_model_options(app, options->model);
  app.add_option("-q,--query", options->queries, "Query texts")->required()->type_name("TEXT")->expected(1, -1);
  app.add_option("-p,--passage", options->passages, "Passage texts")->required()->type_name("TEXT")->expected(1, -1);
  auto* task =
      app.add_option("--task", options->task, "The queries' task, put into the model's template")->type_name("TEXT");
  app.add_option("--instruction", options->instruction, "Put in front of the queries exactly as given")
      ->type_name("TEXT")
      ->excludes(task);
  add_truncate_option(app, options->truncate);
}

}  // namespace lode::apps

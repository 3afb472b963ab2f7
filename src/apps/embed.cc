// `lode embed`: texts in, vectors out, in input order. All texts are read and tokenised before the first one is
// computed, so a bad row is told at once and a failed run leaves nothing behind.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/model_options.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "apps/text_input.h"
#include "apps/vector_writer.h"
#include "base/mapped_file.h"
#include "embed/packer.h"

namespace lode::apps {
namespace {

struct EmbedOptions {
  ModelOptions model;
  std::vector<std::string> files;
  bool whole_files = false;
  std::string text_field;
  std::string output;
  std::string instruction;
  std::string instruction_file;
  std::string task;
  std::string input_type;
  int64_t max_length = 0;
  std::string truncate = "end";
  bool skip_errors = false;
};

struct Row {
  uint64_t index = 0;
  std::string id_json;
};

// Everything that is to be computed; rows and sequences run in parallel.
struct Work {
  std::vector<Row> rows;
  std::vector<embed::TokenSequence> sequences;
  uint64_t n_bad = 0;
};

Result<std::string> resolve_instruction(const EmbedOptions& options, const model::ModelConfig& config) {
  if (!options.instruction_file.empty()) return read_file(options.instruction_file, size_t{1} << 20);
  if (!options.task.empty()) return embed::task_instruction(config, options.task);
  if (options.input_type == "query") return std::string(embed::default_instruction(config, embed::InputType::query));
  if (options.input_type == "passage")
    return std::string(embed::default_instruction(config, embed::InputType::passage));
  return options.instruction;
}

// A row's error ends the run, unless bad rows are to be listed and left out.
Status bad_row(const EmbedOptions& options, Error error, Work& work) {
  if (!options.skip_errors) return std::unexpected(std::move(error));
  print_message("left out: " + error.line());
  ++work.n_bad;
  return {};
}

Result<Work> read_work(const EmbedOptions& options, const embed::Embedder& embedder) {
  LODE_ASSIGN(const std::string instruction, resolve_instruction(options, embedder.config()));
  // A limit that the model cannot take is the flag's fault, not a row's.
  if (options.max_length > embedder.config().max_positions) {
    return fail(Code::invalid_argument, fmt::format("--max-length is {}, this model takes at most {} tokens",
                                                    options.max_length, embedder.config().max_positions));
  }
  TextInputOptions input_options;
  input_options.files = options.files;
  input_options.whole_files = options.whole_files;
  if (!options.text_field.empty()) input_options.text_field = options.text_field;
  TextInput input(std::move(input_options));
  Work work;
  for (uint64_t index = 0;; ++index) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    auto row = input.next();
    if (!row) {
      if (row.error().code != Code::corrupt) return std::unexpected(std::move(row).error());
      LODE_TRY(bad_row(options, std::move(row).error(), work));
      continue;
    }
    if (!*row) break;
    TextRow& text = **row;
    auto sequence = embedder.tokenize(text.text, text.instruction ? *text.instruction : instruction, options.max_length,
                                      truncate_named(options.truncate));
    if (!sequence) {
      Error error = cut_by_flag(std::move(sequence).error());
      error.message = text.where + ": " + error.message;
      if (error.code == Code::invalid_argument) error.code = Code::corrupt;  // the row's fault, not the command line's
      LODE_TRY(bad_row(options, std::move(error), work));
      continue;
    }
    work.rows.push_back({index, text.id.value_or("")});
    work.sequences.push_back(std::move(*sequence));
  }
  return work;
}

Status compute(const EmbedOptions& options, embed::Embedder& embedder, Work& work, VectorWriter& writer, bool quiet) {
  const auto n_dims = static_cast<size_t>(embedder.dims());
  const std::span<const embed::TokenSequence> sequences = work.sequences;
  std::vector<float> vectors;
  Progress progress("embed", sequences.size(), Unit::items, quiet);
  for (size_t first = 0; first < sequences.size();) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    // A pass at a time, so that progress and Ctrl-C are never far.
    const size_t n = embed::count_that_fit(sequences.subspan(first), embedder.max_batch_tokens());
    vectors.resize(n * n_dims);
    const Status pass = embedder.compute(sequences.subspan(first, n), vectors);
    for (size_t i = first; i < first + n; ++i) {
      const std::span<float> vector = std::span(vectors).subspan((i - first) * n_dims, n_dims);
      Status own = pass;
      if (!pass && n > 1) own = embedder.compute(sequences.subspan(i, 1), vector);
      if (!own) {
        Error error = own.error();
        error.message = fmt::format("text {}: {}", work.rows[i].index, error.message);
        LODE_TRY(bad_row(options, std::move(error), work));
        continue;
      }
      const auto n_tokens = static_cast<int64_t>(sequences[i].ids.size());
      LODE_TRY(writer.write({work.rows[i].index, work.rows[i].id_json, n_tokens, vector}));
    }
    first += n;
    progress.set(first);
  }
  return writer.finish();
}

// Texts are there once, vectors can be made again.
Status check_not_an_input(const EmbedOptions& options) {
  for (const std::string& file : options.files) {
    std::error_code error;
    if (options.output.empty() || !std::filesystem::equivalent(file, options.output, error)) continue;
    return fail(Code::invalid_argument, fmt::format("{} holds the texts, and vectors would replace it", file),
                "Give another file to --output.");
  }
  return {};
}

Status run_embed(const EmbedOptions& options, const Globals& globals) {
  LODE_TRY(check_vector_path(options.output));
  LODE_TRY(check_not_an_input(options));
  LODE_ASSIGN(const auto embedder, open_embedder(options.model, globals));
  LODE_ASSIGN(Work work, read_work(options, *embedder));
  LODE_ASSIGN(const auto writer, VectorWriter::open(options.output, embedder->dims()));
  LODE_TRY(compute(options, *embedder, work, *writer, globals.quiet));
  if (work.n_bad > 0) print_message(fmt::format("{} of the input's texts were left out", work.n_bad));
  return {};
}

}  // namespace

void add_embed(Commands& commands) {
  auto options = std::make_shared<EmbedOptions>();
  CLI::App& app = commands.add("embed", "Vectors of texts, in input order", "lode embed docs.jsonl -o docs.npy",
                               [options, &commands] { return run_embed(*options, commands.globals()); });
  add_model_options(app, options->model);
  app.add_option("texts", options->files, "Text, one text a line, or .jsonl; - is stdin (the default)")
      ->type_name("FILE");
  app.add_flag("--files", options->whole_files, "Each file is one text");
  app.add_option("--text-field", options->text_field,
                 "The input is JSONL with its texts under this name (default of .jsonl: text)")
      ->type_name("NAME");
  app.add_option("-o,--output", options->output, "OUT.npy, OUT.safetensors or OUT.jsonl; default: JSON lines on stdout")
      ->type_name("OUT");
  auto* instruction =
      app.add_option("--instruction", options->instruction, "Put in front of each text exactly as given")
          ->type_name("TEXT");
  auto* file =
      app.add_option("--instruction-file", options->instruction_file, "The same, from a file")->type_name("FILE");
  auto* task =
      app.add_option("--task", options->task, "The task, put into the model's own template")->type_name("TEXT");
  auto* side = app.add_option("--input-type", options->input_type, "The model's default prompt of that side")
                   ->check(CLI::IsMember({"query", "passage"}))
                   ->type_name("SIDE");
  file->excludes(instruction);
  task->excludes(instruction)->excludes(file);
  side->excludes(instruction)->excludes(file)->excludes(task);
  app.add_option("--max-length", options->max_length, "Most tokens of a text (default: the model's)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 31))
      ->type_name("N");
  add_truncate_option(app, options->truncate);
  app.add_flag("--skip-errors", options->skip_errors, "Write the good rows and list the bad ones");
}

}  // namespace lode::apps

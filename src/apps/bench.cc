// `lode bench`: what this machine can do and how much of it is used. Ratios in one run, never bare seconds.
#include "apps/bench.h"

#include <memory>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/command.h"
#include "apps/roofline.h"
#include "base/parallel.h"
#include "kernels/cpu.h"

namespace lode::apps {
namespace {

Status bench(const BenchOptions& options, const Globals& globals) {
  std::vector<BenchRow> rows;
  if (!options.against.empty() && options.what != "model") {
    return fail(Code::invalid_argument, "--against is for lode bench model");
  }
  if (!options.roofline.empty() && options.what != "kernels" && options.what != "all") {
    return fail(Code::invalid_argument, "--roofline is for lode bench kernels and all");
  }
  LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
  ThreadPool pool(globals.threads == 0 ? available_cores() : globals.threads);
  kernels::Context context(*path, pool);
  const bool all = options.what == "all";
  if (all || options.what == "peaks" || !options.roofline.empty()) bench_peaks(context, options, rows);
  if (all || options.what == "kernels") bench_kernels(context, options, rows);
  if (all || options.what == "model") {
    LODE_TRY(options.against.empty() ? bench_model(options, globals, rows) : bench_against(options, globals, rows));
  }
  if (!options.roofline.empty()) LODE_TRY(write_roofline(rows, options.roofline));
  return write_stdout(render(rows, globals.json));
}

}  // namespace

void add_bench(Commands& commands) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App& app =
      commands.add("bench", "Speed beside this machine's measured peaks", "lode bench model --model all-minilm-l6-v2",
                   [options, &commands] { return bench(*options, commands.globals()); });
  app.add_option("what", options->what, "peaks, kernels, model or all")
      ->check(CLI::IsMember({"peaks", "kernels", "model", "all"}))
      ->capture_default_str();
  add_model_options(app, options->model);
  app.add_option("--batch-tokens", options->batch_tokens, "Rows of the matrix products")
      ->check(CLI::Range(int64_t{1}, int64_t{65536}))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--seq", options->seq, "Tokens of a document, and of the attention")
      ->check(CLI::Range(int64_t{1}, int64_t{32768}))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--texts", options->texts, "Embed these texts (JSONL or lines) instead of made-up ones")
      ->type_name("FILE");
  app.add_option("--repetitions", options->repetitions, "Timed runs of each row; the median counts")
      ->check(CLI::Range(1, 1000))
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--against", options->against,
                 "An engine to run beside the model, in turn with it: llama-bench or llama-embedding of llama.cpp or "
                 "ik_llama.cpp, or a program of docs/performance.md's protocol; may be given again")
      ->type_name("NAME=PATH[,model=FILE][,flags=WORDS]")
      ->allow_extra_args(false);
  app.add_flag("--keep-disturbed", options->keep_disturbed,
               "Count rounds that others on this machine disturbed, beside other engines");
  app.add_option("--roofline", options->roofline, "Draw peaks, memory and products into this SVG file")
      ->type_name("FILE");
}

}  // namespace lode::apps

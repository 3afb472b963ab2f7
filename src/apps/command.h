// What every subcommand of `lode` shares: how it is registered, the options all of them take, and how a run ends.
// A command is one file with one `add_NAME(Commands&)`, listed in main.cc. Options also come from LODE_<NAME IN UPPER
// CASE> and from --config FILE (TOML), in this order: command line, environment, file; frame.cc arranges that for all
// of them, so a command declares each option once with CLI11 and reads its bound variable. How a run ends: ok is exit
// 0, Code::invalid_argument is wrong usage (exit 2: two flags that exclude each other, a flag's value), Code::cancelled
// is 128 and the signal, every other code is 1 (bad rows of an input file are Code::corrupt, say). Main thread only.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace CLI {
class App;
}

namespace lode::apps {

// Options that every command takes.
struct Globals {
  int threads = 0;     // --threads N, 0: one per core
  bool quiet = false;  // --quiet: no progress
  bool json = false;   // --json: machine-readable report
};

class Commands {
 public:
  virtual ~Commands() = default;
  // The subcommand `name`, one word or two ("eval compare", known to config files as eval-compare); its --help opens
  // with `example`. `run` is called after parsing when the user chose it; its Error is printed as one line and mapped
  // to the exit code. The returned App takes the command's own options. `prepare`, if any, is called once the command
  // is chosen and before its options are read from the environment.
  virtual CLI::App& add(const std::string& name, const std::string& summary, const std::string& example,
                        std::function<Status()> run, std::function<void()> prepare = {}) = 0;
  [[nodiscard]] virtual const Globals& globals() const = 0;
};

// The folder of a model, or its .gguf file: a path as it is, or a name in the model store in any letter case, with or
// without its vendor part.
// "" means the default model. An unknown or uninstalled name is an error that carries the `lode pull` line.
Result<std::filesystem::path> resolve_model(std::string_view model);

// The name a model is served under: its store name with vendor ("nvidia/nv-embed-v1") where it is a known one, else the
// folder's name.
std::string served_name(const std::filesystem::path& folder);

// True once the user pressed Ctrl-C, or the process was told to end or lost its terminal; long loops look and stop with
// Code::cancelled (exit 130, 143 or 129). A second such signal ends the process at once.
bool interrupted();

// Data for stdout, all of it or an error (disk full). After a reader that went away (`| head`) the error ends the run
// quietly, so a command only has to pass it on.
Status write_stdout(std::string_view text);

void add_convert(Commands& commands);
void add_embed(Commands& commands);
void add_eval(Commands& commands);
void add_eval_compare(Commands& commands);
void add_score(Commands& commands);
void add_tokenize(Commands& commands);
void add_train_ranker(Commands& commands);
void add_index(Commands& commands);
void add_export(Commands& commands);
void add_inspect(Commands& commands);
void add_mcp(Commands& commands);
void add_models(Commands& commands);
void add_pull(Commands& commands);
void add_search(Commands& commands);
void add_serve(Commands& commands);
void add_similar(Commands& commands);
void add_health(Commands& commands);
void add_bench(Commands& commands);

}  // namespace lode::apps

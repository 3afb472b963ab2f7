// The frame of the command line: collects the subcommands, reads command line, environment and config file in that
// order of precedence, runs the chosen command and turns its end into one line on stderr and an exit code. It refuses
// unknown options, unknown config keys and more than one command. CLI11 is hidden in frame.cc and the commands' own
// files. Main thread only.
#pragma once

#include <memory>

#include "apps/command.h"

namespace lode::apps {

class Frame final : public Commands {
 public:
  Frame();
  ~Frame() override;
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  CLI::App& add(const std::string& name, const std::string& summary, const std::string& example,
                std::function<Status()> run, std::function<void()> prepare = {}) override;
  [[nodiscard]] const Globals& globals() const override;

  // Parses, runs, reports; the result is the exit code of the process.
  int run(int argc, const char* const* argv);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::apps

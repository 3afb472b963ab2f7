// `lode mcp`: search for agents, by the Model Context Protocol over stdin and stdout. Nothing but messages goes to
// stdout. Ends when stdin does.
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <CLI/App.hpp>
#include <fmt/format.h>

#include "apps/command.h"
#include "apps/index_store.h"
#include "apps/lazy_vectors.h"
#include "apps/process.h"
#include "base/parallel.h"
#include "mcp/lines.h"
#include "mcp/protocol.h"
#include "search/library.h"

namespace lode::apps {
namespace {

// How long an answer waits for an index that is being brought up to date; then it says so.
constexpr std::chrono::milliseconds kPatience{1000};

struct McpOptions {
  std::vector<std::string> folders;
  std::string index;
  uint64_t max_file_bytes = search::IndexingOptions{}.max_file_bytes;
  bool no_vectors = false;
  SubjectOptions model;
};

Status open_library(const McpOptions& options, int n_threads, LazyVectors& vectors, search::Library& library) {
  const std::vector<std::string> folders = options.folders.empty() ? std::vector<std::string>{"."} : options.folders;
  if (folders.size() > 1 && !options.index.empty()) {
    return fail(Code::invalid_argument, "--index names one index, there are several folders",
                "Leave --index out, or start one server for each folder.");
  }
  std::vector<search::LiveIndexOptions> each;
  for (const std::string& folder : folders) {
    LODE_ASSIGN(IndexPlace place, locate_index(folder, options.index, ""));
    each.push_back({.index = std::move(place.index),
                    .root = std::move(place.root),
                    .n_threads = n_threads,
                    .max_file_bytes = options.max_file_bytes});
    if (!options.no_vectors) each.back().vectors = &vectors;
  }
  for (search::LiveIndexOptions& one : each) library.add(std::make_unique<search::LiveIndex>(std::move(one)));
  return {};
}

Status send(const std::string& text) {
  LODE_TRY(write_stdout(text + "\n"));
  if (std::fflush(stdout) != 0) return fail(Code::io, "cannot write to standard output");
  return {};
}

Status answer_line(mcp::Protocol& protocol, const mcp::Line& line) {
  if (line.too_long) {
    return send(mcp::error_text(
        nullptr, {.code = mcp::kInvalidRequest,
                  .message = fmt::format("Invalid request: a message has at most {} bytes", mcp::kMostMessageBytes)}));
  }
  if (line.text.find_first_not_of(" \t\r") == std::string::npos) return {};
  const auto answer = protocol.answer(line.text);
  return answer ? send(*answer) : Status();
}

Status run_mcp(const McpOptions& options, const Globals& globals) {
  LazyVectors vectors(options.model, globals);
  search::Library library(kPatience);
  LODE_TRY(open_library(options, globals.threads > 0 ? globals.threads : available_cores(), vectors, library));
  mcp::Tools tools(library);
  mcp::Protocol protocol(tools, LODE_VERSION);
  mcp::Lines lines(mcp::kMostMessageBytes);
  if (isatty(STDIN_FILENO) != 0 && !globals.quiet) {
    print_message("speaking MCP on stdin and stdout, which is for a client to start; Ctrl-C ends it");
  }
  std::string buffer(size_t{1} << 16, '\0');
  while (!interrupted()) {
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::io, "cannot read standard input");
    if (n == 0) break;
    lines.add(std::string_view(buffer).substr(0, static_cast<size_t>(n)));
    while (const auto line = lines.next()) LODE_TRY(answer_line(protocol, *line));
  }
  return answer_line(protocol, lines.rest());
}

}  // namespace

void add_mcp(Commands& commands) {
  auto options = std::make_shared<McpOptions>();
  CLI::App& app =
      commands.add("mcp", "Search for coding agents: an MCP server on stdin and stdout", "lode mcp ~/src/project",
                   [options, &commands] { return run_mcp(*options, commands.globals()); });
  app.add_option("folder", options->folders, "What to search; indexed where it is not yet (default: this folder)")
      ->type_name("DIR...");
  app.add_option("--index", options->index, "Where the index lies (default: indexes/ in LODE_HOME)")->type_name("PATH");
  app.add_option("--max-file-bytes", options->max_file_bytes, "Larger files are left out")
      ->check(CLI::Range(uint64_t{1}, uint64_t{search::kMaxFileBytes}))
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--no-vectors", options->no_vectors, "Search by terms alone, load no model");
  add_subject_options(app, options->model);
}

}  // namespace lode::apps

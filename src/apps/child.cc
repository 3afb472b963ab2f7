#include "apps/child.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <spawn.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sys/wait.h>

namespace lode::apps {
namespace {

struct CloseUnnamed {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
// What a program prints goes to a file without a name, so that it never waits for a reader.
using Unnamed = std::unique_ptr<std::FILE, CloseUnnamed>;

std::string all_of(std::FILE* file) {
  std::string out;
  std::array<char, 1 << 16> piece{};
  std::rewind(file);
  while (const size_t n = std::fread(piece.data(), 1, piece.size(), file)) out.append(piece.data(), n);
  return out;
}

std::string last_line(std::string_view text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const size_t before = text.rfind('\n');
  return std::string(before == std::string_view::npos ? text : text.substr(before + 1));
}

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

}  // namespace

Result<ChildResult> run_child(const std::vector<std::string>& arguments) {
  const Unnamed output(std::tmpfile());
  const Unnamed messages(std::tmpfile());
  if (!output || !messages) {
    return fail(Code::io, fmt::format("cannot make a temporary file: {}", std::strerror(errno)));
  }
  FileActions actions;
  posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(actions.get(), ::fileno(output.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(actions.get(), ::fileno(messages.get()), STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  const auto start = std::chrono::steady_clock::now();
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, argv[0], actions.get(), nullptr, argv.data(), environ);
  if (error != 0) return fail(Code::io, fmt::format("cannot start {}: {}", arguments[0], std::strerror(error)));
  int status = 0;
  while (::waitpid(child, &status, 0) == -1) {
    if (errno != EINTR) return fail(Code::io, fmt::format("{} was lost: {}", arguments[0], std::strerror(errno)));
  }
  ChildResult result;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.output = all_of(output.get());
  result.message = last_line(all_of(messages.get()));
  return result;
}

}  // namespace lode::apps

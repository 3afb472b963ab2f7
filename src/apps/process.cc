#include "apps/process.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/exit_code.h"

namespace lode::apps {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;  // the signal
int stdout_errno = 0;                           // of the first failed write

extern "C" void on_interrupt(int signal) {
  interrupt_seen = signal;
}

void catch_interrupt(int signal) {
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // a second one ends the process; reads come back with EINTR
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

// stdio forgets errno between the failed write and the flush at the end; a closed pipe can be asked again.
bool reader_gone() {
  if (stdout_errno != 0) return stdout_errno == EPIPE;
  pollfd ask{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&ask, 1, 0) > 0 && (ask.revents & POLLERR) != 0;
}

}  // namespace

bool is_ignored(int signal) {
  struct sigaction now{};
  return ::sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

bool interrupted() {
  return interrupt_seen != 0;
}

int interrupted_exit_code() {
  constexpr int kBySignal = 128;
  return interrupted() ? kBySignal + interrupt_seen : kExitInterrupted;
}

void prepare_process() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // Opened the wrong way round on purpose: reading a closed stdin ends at once, writing a closed stdout is noticed.
    if (::fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
        ::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY) != fd)
      return;
  }
  catch_interrupt(SIGINT);
  catch_interrupt(SIGTERM);
  if (!is_ignored(SIGHUP)) catch_interrupt(SIGHUP);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond its limit is a failed write
}

Status write_stdout(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size()) return {};
  if (stdout_errno == 0) stdout_errno = errno;
  return fail(Code::io, fmt::format("cannot write to standard output: {}", std::strerror(stdout_errno)));
}

Stdout finish_stdout(std::string& reason) {
  errno = 0;
  const bool flushed = std::fflush(stdout) == 0;
  if (!flushed && stdout_errno == 0) stdout_errno = errno;
  if (flushed && stdout_errno == 0 && std::ferror(stdout) == 0) return Stdout::fine;
  if (reader_gone()) return Stdout::reader_gone;
  reason = stdout_errno != 0 ? std::strerror(stdout_errno) : "an earlier write failed";
  return Stdout::failed;
}

void print_message(std::string_view text) {
  std::string line = "lode: ";
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace lode::apps

// A client that speaks bytes, so that tests can send what no proper client would.
#pragma once

#include <cctype>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace lode::server {

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class Client {
 public:
  explicit Client(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  virtual ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }

  // False when the peer has reset the connection.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = write_some(bytes.data(), bytes.size());
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  virtual void end_sending() { ::shutdown(fd_, SHUT_WR); }

  // Closes so that the peer sees a reset and not an end.
  void reset() {
    const linger at_once{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    ::close(std::exchange(fd_, -1));
  }

  // Sends until the peer takes no more for 300 ms, at most `n_bytes`. Returns how much it took.
  size_t flood(std::string_view bytes, size_t n_bytes) {
    size_t sent = 0;
    pollfd ask{fd_, POLLOUT, 0};
    while (sent < n_bytes && ::poll(&ask, 1, 300) > 0) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n <= 0) break;
      sent += static_cast<size_t>(n);
    }
    return sent;
  }

  // The next reply, or nothing when the connection ends first or nothing comes for `timeout`. HEAD replies have no
  // body.
  std::optional<Reply> receive(bool head = false, std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(timeout)) return std::nullopt;
    }
    Reply reply;
    reply.status = std::atoi(pending_.c_str() + pending_.find(' '));
    size_t line = pending_.find("\r\n") + 2;
    while (line < end + 2) {
      const size_t next = pending_.find("\r\n", line);
      const size_t colon = pending_.find(':', line);
      std::string name = pending_.substr(line, colon - line);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      reply.headers[name] = pending_.substr(colon + 2, next - colon - 2);
      line = next + 2;
    }
    pending_.erase(0, end + 4);
    if (head || reply.status == 100) return reply;
    const auto field = reply.headers.find("content-length");
    const auto length =
        field == reply.headers.end() ? size_t{0} : static_cast<size_t>(std::atoll(field->second.c_str()));
    while (pending_.size() < length) {
      if (!fill(timeout)) return std::nullopt;
    }
    reply.body = pending_.substr(0, length);
    pending_.erase(0, length);
    return reply;
  }

  // Of the next reply; 0 without one.
  int status() {
    const auto reply = receive();
    return reply ? reply->status : 0;
  }

  // Of the next reply; empty without one.
  std::string body() {
    auto reply = receive();
    return reply ? std::move(reply->body) : std::string();
  }

  // Waits for the first byte of an answer and leaves it where it is.
  bool readable() {
    pollfd ask{fd_, POLLIN, 0};
    return ::poll(&ask, 1, 10'000) > 0;
  }

  // True when the server ends its side within `timeout` and has sent nothing more.
  bool closed(std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    const bool more = fill(timeout);
    return !more && ended_ && pending_.empty();
  }

 protected:
  [[nodiscard]] int fd() const { return fd_; }
  virtual ssize_t write_some(const char* bytes, size_t n) { return ::send(fd_, bytes, n, MSG_NOSIGNAL); }
  virtual ssize_t read_some(char* bytes, size_t n) { return ::recv(fd_, bytes, n, 0); }
  virtual bool has_more(std::chrono::milliseconds timeout) {
    pollfd ask{fd_, POLLIN, 0};
    return ::poll(&ask, 1, static_cast<int>(timeout.count())) > 0;
  }

 private:
  bool fill(std::chrono::milliseconds timeout) {
    if (!has_more(timeout)) return false;
    char buffer[65536];
    const ssize_t n = read_some(buffer, sizeof(buffer));
    if (n <= 0) ended_ = true;
    if (n > 0) pending_.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  int fd_;
  bool connected_ = false;
  bool ended_ = false;
  std::string pending_;
};

}  // namespace lode::server

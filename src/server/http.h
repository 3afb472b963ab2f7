// HTTP/1.1 on sockets and nothing above it: a handler gets a whole Request and answers when it likes, from any thread.
// Refuses by itself what a handler should never see: malformed requests (400), slow ones (408), bodies (413) and
// headers (431) over their limits, always with a JSON error body and a closed connection. Keep-alive and pipelining are
// in order: a connection reads its next request after the answer to the last. Knows no routes and no JSON. Boost.Beast
// is hidden in http.cc.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/exchange.h"

namespace lode::server {

struct Header {
  std::string name;
  std::string value;
};

struct Request {
  std::string method;  // "GET", as sent
  std::string target;  // "/v1/models?x=y", as sent
  std::vector<Header> headers{};
  std::string body{};
  std::string peer{};         // "127.0.0.1:50312"
  std::string tls_subject{};  // of the client's certificate; empty without
  std::stop_token gone{};     // requested when nobody waits for the answer any more
  std::shared_ptr<Exchange> exchange = std::make_shared<Exchange>();  // never null
};

// How the sending of a response ended.
struct Sent {
  size_t n_bytes = 0;  // header and body, as written
  double seconds = 0;
  bool whole = false;  // false: the peer went away first
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::vector<Header> headers{};               // beyond Content-Type, Content-Length, Connection, Date and Server
  std::string body{};                          // not sent in answer to HEAD, but counted in Content-Length
  std::function<void(const Sent&)> on_sent{};  // called once, on a thread of the server; may be empty
};

// Makes the response; runs on a thread of the server, so that whoever answers need not format.
using MakeResponse = std::move_only_function<Response()>;
// Call once, from any thread, also after the server is gone. Dropped without a call it answers 500. Never blocks.
using Respond = std::move_only_function<void(MakeResponse)>;
// Called on the server's threads, several at a time. Must not block for long: large requests get threads of their own.
using Handler = std::function<void(Request, Respond)>;

struct HttpOptions {
  std::string host = "127.0.0.1";  // address or name to listen on
  uint16_t port = 8080;            // 0: a free one
  int n_io_threads = 2;
  int n_worker_threads = 2;                          // handle and format requests with large bodies
  size_t max_header_bytes = 32 << 10;                // request line and header fields
  size_t max_body_bytes = 32 << 20;                  // after the transfer coding is taken off
  std::chrono::milliseconds idle_timeout{120'000};   // between requests
  std::chrono::milliseconds header_timeout{15'000};  // from a request's first byte to the end of its header
  // A body or a response may take stall_timeout, and more for its bytes at this rate.
  std::chrono::milliseconds stall_timeout{30'000};
  int64_t min_bytes_per_second = 16 << 10;
};

class HttpServer {
 public:
  // Listens and serves from here on. Errors: io when the address cannot be listened on.
  static Result<std::unique_ptr<HttpServer>> listen(const HttpOptions& options, Handler handler);
  ~HttpServer();  // stop(0)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] std::string url() const;  // "http://127.0.0.1:8080"

  // Answers what was accepted, closes idle connections, then stops listening and every thread. Until the last request
  // that came before stop() is answered, new ones still reach the handler (which says 503); each answer closes its
  // connection. Returns false when drain_timeout passed first: what was unanswered then is dropped. Blocks; call from
  // one thread, not a handler.
  bool stop(std::chrono::milliseconds drain_timeout);

 private:
  struct Core;
  class Session;
  explicit HttpServer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace lode::server

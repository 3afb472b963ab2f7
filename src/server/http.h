// HTTP/1.1 on sockets, plain or TLS, and nothing above it: a handler gets a whole Request and answers when it likes,
// from any thread. Refuses by itself what a handler should never see: malformed requests (400), slow ones (408), bodies
// (413) and headers (431) over their limits, always with a JSON error body and a closed connection. Keep-alive and
// pipelining are in order: a connection parses its next request after the answer to the last.
//
// While a handler works, the connection watches its peer. One that resets the connection, or ends its side and has no
// answer half_close_grace later, is gone: Request.gone is requested, nothing is sent and the connection closes (499 in
// Sent). A request without an answer at its deadline is answered 504, Request.gone is requested, and the handler's own
// answer is thrown away when it comes; the connection stays. Knows no routes and no JSON. Boost is hidden in http_*.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "server/exchange.h"

namespace lode::server {

struct Header {
  std::string name;
  std::string value;
};

// Headers for the answer that the server gives in the handler's place when the deadline comes first. Any thread.
class LateHeaders {
 public:
  void set(std::vector<Header> headers) {
    const std::lock_guard lock(mutex_);
    headers_ = std::move(headers);
  }
  [[nodiscard]] std::vector<Header> get() const {
    const std::lock_guard lock(mutex_);
    return headers_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Header> headers_;
};

struct Request {
  std::string method;  // "GET", as sent
  std::string target;  // "/v1/models?x=y", as sent
  std::vector<Header> headers{};
  std::string body{};
  std::string peer{};         // "127.0.0.1:50312"
  std::string tls_subject{};  // of the client's certificate; empty without
  std::stop_token gone{};     // requested when nobody waits for the answer any more
  std::shared_ptr<Exchange> exchange = std::make_shared<Exchange>();            // never null
  std::shared_ptr<LateHeaders> late_headers = std::make_shared<LateHeaders>();  // never null
};

// How the sending of a response ended.
struct Sent {
  size_t n_bytes = 0;  // header and body, as written
  double seconds = 0;
  bool whole = false;  // false: the peer went away first
  int status = 0;      // what the peer was given: the response's own; 504: its deadline came first; 499: it was gone
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
// Call once, from any thread, also after the server is gone. Dropped without a call it answers 500. Never blocks. The
// response is made, and on_sent called, even when nobody waits for it any more; only a stopped server makes no more.
using Respond = std::move_only_function<void(MakeResponse)>;
// Called on the server's threads, several at a time. Must not block for long: large requests get threads of their own.
using Handler = std::function<void(Request, Respond)>;

// PEM files. TLS 1.2 is the least.
struct TlsOptions {
  std::string cert_file{};       // the server's certificate, then those that lead to its root
  std::string key_file{};        // its private key, not encrypted
  std::string client_ca_file{};  // given: a client must show a certificate that one of these has signed
};

// Of a request that its handler never sees.
struct EarlyRefusal {
  int status = 0;
  std::string_view reason{};      // "body_too_large"
  std::string_view peer{};        // "127.0.0.1:50312"
  std::string_view request_id{};  // the first x-request-id as sent; empty: none has come
  std::string_view origin{};      // the first Origin, likewise
};

// Sees a whole request before its handler does. Gives the Respond for the handler, the same or one around it, or an
// empty one when it has answered itself. Called on the thread that has read the request; must not block.
using Admit = std::function<Respond(Request&, Respond)>;

enum class ErrorStyle : uint8_t;  // api_error.h

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
  // From the whole request to its answer; 0: no limit. `x-request-timeout: SECONDS` in a request shortens it; any other
  // value of that header changes nothing here.
  std::chrono::milliseconds request_timeout{600'000};
  // A peer that has ended its side may still read: netcat, and clients of HTTP/1.0.
  std::chrono::milliseconds half_close_grace{1000};
  // Further ones wait in the kernel's backlog until one closes. 0: as many as there are file descriptors.
  size_t max_connections = 0;
  std::optional<TlsOptions> tls{};
  ErrorStyle error_style{};  // of the answers that the server gives by itself; OpenAI's
  Admit admit{};  // empty: every request is handled; a large one's handler may have to wait for a thread, this does not
  // Something was refused before it was a whole request: 400, 408, 413, 431. May add to the response's headers and set
  // its on_sent. On a server's thread; must not block.
  std::function<void(const EarlyRefusal&, Response&)> on_refused{};
};

struct HttpCore;

class HttpServer {
 public:
  // Listens and serves from here on. Errors: io when the address cannot be listened on or a TLS file cannot be read,
  // invalid_argument when a TLS file is not what it should be.
  static Result<std::unique_ptr<HttpServer>> listen(const HttpOptions& options, Handler handler);
  ~HttpServer();  // stop(0)
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] std::string url() const;  // "http://127.0.0.1:8080"; https with TLS
  [[nodiscard]] size_t n_connections() const;

  // Answers what was accepted, closes idle connections, then stops listening and every thread. Until the last request
  // that came before stop() is answered, new ones still reach the handler (which says 503); each answer closes its
  // connection. Returns false when drain_timeout passed first: what was unanswered then is dropped. Blocks; call from
  // one thread, not a handler.
  bool stop(std::chrono::milliseconds drain_timeout);

 private:
  explicit HttpServer(std::shared_ptr<HttpCore> core);
  std::shared_ptr<HttpCore> core_;
};

}  // namespace lode::server

// One connection's life, and what all connections share. Private to http.cc, the only file that may include it: Boost
// stops there.
#pragma once

#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/log.h"
#include "server/api_error.h"
#include "server/http.h"

namespace lode::server {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<tcp, Strand>;

// First read of a request: most fit.
inline constexpr size_t kReadBytes = 4096;
// From here on a request takes a worker, so that the io threads stay free.
inline constexpr size_t kLargeBodyBytes = 16 << 10;
// For the peer to read a last answer and close.
inline constexpr milliseconds kLingerTimeout{2000};
// A draining server waits this long for requests that never become whole.
inline constexpr milliseconds kQuietTimeout{500};
// After accepting failed: mostly the process is out of file descriptors.
inline constexpr milliseconds kAcceptPause{50};

// Beast's string_body reserves the announced length before a byte has come; this one grows with what arrives.
struct GrowingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<uint64_t>&, error_code& ec) { ec = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, error_code& ec) {
      ec = {};
      size_t n = 0;
      for (auto it = asio::buffer_sequence_begin(buffers); it != asio::buffer_sequence_end(buffers); ++it) {
        const asio::const_buffer buffer = *it;
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        n += buffer.size();
      }
      return n;
    }
    void finish(error_code& ec) { ec = {}; }

   private:
    value_type& body_;
  };
};

// For transfers of known or growing size: the stall timeout, and more for each byte so that only a stalled peer meets
// it.
inline milliseconds transfer_timeout(const HttpOptions& options, size_t n_bytes) {
  return options.stall_timeout + milliseconds(static_cast<int64_t>(n_bytes) * 1000 / options.min_bytes_per_second);
}

inline Response run_guarded(MakeResponse& make) {
  try {
    return make();
  } catch (const std::exception& e) {
    log::error("an answer could not be made: {}", e.what());
    return error_response({.code = Code::internal, .message = "The answer could not be made", .hint = {}});
  }
}

// What the server and its sessions share. Sessions are kept here while they are open; everything that outlives the
// server (a Respond) holds weak references only.
struct HttpServer::Core : std::enable_shared_from_this<HttpServer::Core> {
  Core(HttpOptions o, Handler h)
      : options(std::move(o)), handler(std::move(h)), workers(static_cast<size_t>(options.n_worker_threads)) {}

  HttpOptions options;
  Handler handler;
  asio::io_context io;
  asio::basic_socket_acceptor<tcp, Strand> acceptor{asio::make_strand(io)};
  asio::steady_timer accept_pause{acceptor.get_executor()};
  asio::thread_pool workers;
  std::vector<std::thread> threads;
  tcp::endpoint endpoint;
  bool accept_failed = false;  // the last time; the acceptor's strand

  std::mutex mutex;
  std::condition_variable changed;  // a session closed or a request was answered
  std::unordered_set<std::shared_ptr<Session>> sessions;
  int64_t n_busy = 0;           // requests with the handler or being written
  int64_t n_busy_accepted = 0;  // those of them that came before the drain
  bool draining = false;
  bool listening = true;

  void accept();
  void add(Socket socket);
  void stop_listening();
  [[nodiscard]] bool is_draining() {
    const std::scoped_lock lock(mutex);
    return draining;
  }
};

// One connection. All members belong to its strand, except start of life in add() and what the mutex of Core guards.
// States follow each other in the order of the functions below and start again with wait().
class HttpServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Core> core, Socket socket)
      : weak_core_(core), core_(*core), socket_(std::move(socket)), timer_(socket_.get_executor()) {}

  void start() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->wait(); });
  }

  // The server drains: a connection that waits for a request looks once more whether one has come.
  void drain() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      error_code ec;
      if (self->idle_) self->socket_.cancel(ec);
    });
  }

  void abort() {
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->close(); });
  }

 private:
  struct Ticket;

  void wait() {
    if (buffer_.size() > 0) return read_header();  // pipelined
    if (buffer_.capacity() > 4 * kReadBytes) buffer_.shrink_to_fit();
    if (answered_ && core_.is_draining() && !readable()) return linger();
    idle_ = true;
    arm(core_.options.idle_timeout);
    socket_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this()](error_code ec, size_t n) {
      self->idle_ = false;
      // Cancelled by drain(): what has come is answered.
      if (ec == asio::error::operation_aborted && !self->timed_out_ && self->readable()) return self->wait();
      if (ec) return self->close();
      self->buffer_.commit(n);
      self->read_header();
    });
  }

  bool readable() {
    error_code ec;
    return socket_.available(ec) > 0 && !ec;
  }

  void read_header() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(core_.options.max_header_bytes));
    parser_->body_limit(core_.options.max_body_bytes);
    arm(core_.options.header_timeout);
    http::async_read_header(socket_, buffer_, *parser_, [self = shared_from_this()](error_code ec, size_t) {
      if (ec) return self->refuse(ec);
      self->begin_body();
    });
  }

  void begin_body() {
    body_started_ = steady_clock::now();
    parser_->eager(true);
    const auto& request = parser_->get();
    if (!parser_->is_done() && buffer_.size() == 0 && request.version() >= 11 &&
        beast::iequals(request[http::field::expect], "100-continue")) {
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      arm(core_.options.stall_timeout);
      asio::async_write(socket_, asio::buffer(kContinue), [self = shared_from_this()](error_code ec, size_t) {
        if (ec) return self->close();
        self->read_body();
      });
      return;
    }
    read_body();
  }

  void read_body() {
    if (parser_->is_done()) return dispatch();
    arm_until(body_started_ + transfer_timeout(core_.options, parser_->get().body().size()));
    http::async_read_some(socket_, buffer_, *parser_, [self = shared_from_this()](error_code ec, size_t) {
      if (ec) return self->refuse(ec);
      self->read_body();
    });
  }

  void dispatch();
  void write(Response response);
  void refuse(error_code ec);
  void finish_request();

  // Says good-bye: the peer sees the end of our side, may still read the answer, and what it sends is thrown away.
  // Closing at once would reset the connection and with it an answer that the peer has not read yet.
  void linger() {
    error_code ec;
    socket_.shutdown(tcp::socket::shutdown_send, ec);
    arm(kLingerTimeout);
    discard();
  }

  void discard() {
    buffer_.clear();
    socket_.async_read_some(buffer_.prepare(kReadBytes), [self = shared_from_this()](error_code ec, size_t) {
      if (ec) return self->close();
      self->discard();
    });
  }

  void close() {
    error_code ec;
    timer_.cancel();
    socket_.close(ec);
    const std::scoped_lock lock(core_.mutex);
    core_.sessions.erase(shared_from_this());
    core_.changed.notify_all();
  }

  void arm(milliseconds timeout) { arm_until(steady_clock::now() + timeout); }

  // Cancels what the socket is waiting for at `when`, unless armed anew before: a handler that was already on its way
  // then finds a later expiry and does nothing.
  void arm_until(steady_clock::time_point when) {
    timed_out_ = false;
    timer_.expires_at(when);
    timer_.async_wait([self = shared_from_this()](error_code ec) {
      if (ec || self->timer_.expiry() > steady_clock::now()) return;
      self->timed_out_ = true;
      error_code ignored;
      self->socket_.cancel(ignored);
    });
  }

  std::weak_ptr<Core> weak_core_;
  Core& core_;  // outlives every handler that runs
  Socket socket_;
  asio::steady_timer timer_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<GrowingBody>> parser_;
  steady_clock::time_point body_started_;
  unsigned version_ = 11;
  bool idle_ = false;
  bool answered_ = false;  // at least one request
  bool timed_out_ = false;
  bool keep_alive_ = false;
  bool head_ = false;
  bool large_ = false;
  bool busy_ = false;          // counted in n_busy
  bool before_drain_ = false;  // counted in n_busy_accepted
};

// The right to answer one request, in any thread and at any time; unused, it answers for the handler.
struct HttpServer::Session::Ticket {
  std::weak_ptr<Core> core;
  std::weak_ptr<Session> session;

  Ticket(std::weak_ptr<Core> c, std::weak_ptr<Session> s) : core(std::move(c)), session(std::move(s)) {}
  Ticket(Ticket&&) = default;
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket() {
    use([] { return error_response({.code = Code::internal, .message = "The request got no answer", .hint = {}}); });
  }

  void use(MakeResponse make) {
    // The server's own thread may be tearing it down: hold it while posting, and let go of the session first.
    const auto held_core = std::exchange(core, {}).lock();
    auto held_session = std::exchange(session, {}).lock();
    if (!held_core || !held_session) return;
    const auto strand = held_session->socket_.get_executor();
    if (held_session->large_) {
      asio::post(held_core->workers, [s = std::move(held_session), m = std::move(make), strand]() mutable {
        Response response = run_guarded(m);
        asio::post(strand, [s = std::move(s), r = std::move(response)]() mutable { s->write(std::move(r)); });
      });
    } else {
      asio::post(strand, [s = std::move(held_session), m = std::move(make)]() mutable { s->write(run_guarded(m)); });
    }
  }
};

inline void HttpServer::Session::dispatch() {
  timer_.cancel();
  auto message = parser_->release();
  parser_.reset();
  version_ = message.version();
  keep_alive_ = message.keep_alive();
  head_ = message.method() == http::verb::head;
  large_ = message.body().size() >= kLargeBodyBytes;
  {
    const std::scoped_lock lock(core_.mutex);
    busy_ = true;
    before_drain_ = !core_.draining;
    ++core_.n_busy;
    if (before_drain_) ++core_.n_busy_accepted;
  }
  Request request{.method = std::string(message.method_string()), .target = std::string(message.target())};
  for (const auto& field : message) {
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  request.body = std::move(message.body());
  Respond respond = [ticket = Ticket(weak_core_, weak_from_this())](MakeResponse make) mutable {
    ticket.use(std::move(make));
  };
  auto handle = [&core = core_, self = shared_from_this(), request = std::move(request),
                 respond = std::move(respond)]() mutable {
    try {
      core.handler(std::move(request), std::move(respond));
    } catch (const std::exception& e) {
      log::error("a request could not be handled: {}", e.what());  // its Respond answers as it goes
    }
  };
  if (large_) {
    asio::post(core_.workers, std::move(handle));
  } else {
    handle();
  }
}

inline void HttpServer::Session::write(Response response) {
  if (core_.is_draining()) keep_alive_ = false;
  const size_t n_bytes = response.body.size();
  const auto fill = [&](auto& message) {
    message.version(version_);
    message.result(static_cast<unsigned>(response.status));
    message.set(http::field::date, fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::time(nullptr))));
    message.set(http::field::server, "lodestone");
    message.set(http::field::content_type, response.content_type);
    for (const Header& header : response.headers) message.set(header.name, header.value);
    message.content_length(n_bytes);
    message.keep_alive(keep_alive_);
  };
  const auto generator = [&]() -> http::message_generator {
    if (head_) {
      http::response<http::empty_body> message;
      fill(message);
      return message;
    }
    http::response<http::string_body> message;
    message.body() = std::move(response.body);
    fill(message);
    return message;
  };
  arm(transfer_timeout(core_.options, n_bytes));
  beast::async_write(socket_, generator(), [self = shared_from_this()](error_code ec, size_t) {
    self->answered_ = true;
    self->finish_request();
    if (ec) return self->close();
    self->keep_alive_ ? self->wait() : self->linger();
  });
}

inline void HttpServer::Session::finish_request() {
  const std::scoped_lock lock(core_.mutex);
  if (!std::exchange(busy_, false)) return;
  --core_.n_busy;
  if (before_drain_) --core_.n_busy_accepted;
  core_.changed.notify_all();
}

// Answers a request that never became whole, where there is somebody to answer.
inline void HttpServer::Session::refuse(error_code ec) {
  ApiError error{.code = Code::invalid_argument, .message = {}, .hint = {}};
  int status = 400;
  if (ec == http::error::body_limit) {
    status = 413;
    error = {Code::too_large,
             fmt::format("The request body is larger than the limit of {} bytes", core_.options.max_body_bytes),
             "Send fewer texts in a request, or start the server with a larger --max-body-bytes.", "body_too_large"};
  } else if (ec == http::error::header_limit) {
    status = 431;
    error = {Code::too_large,
             fmt::format("The request header is larger than the limit of {} bytes", core_.options.max_header_bytes),
             "Send fewer or shorter header fields.", "header_too_large"};
  } else if (ec == asio::error::operation_aborted && timed_out_) {
    status = 408;
    error = {Code::invalid_argument, "The request did not arrive in time", "Send it again.", "request_timeout"};
  } else if (ec.category() == http::make_error_code(http::error::bad_method).category() &&
             ec != http::error::end_of_stream) {
    error = {Code::invalid_argument, fmt::format("This is not an HTTP request: {}", ec.message()), {}, "bad_request"};
  } else {
    return close();  // the peer is gone
  }
  parser_.reset();
  keep_alive_ = false;
  head_ = false;
  version_ = 11;
  write(error_response(status, error));
}

}  // namespace lode::server

// One connection's life over a stream, plain or TLS. States follow each other in the order of State and start again
// with idle. At most one read, one write and one timer are under way, all on the connection's strand; the read that
// watches the peer while a handler works is the one that brings the next request. Private to http_plain.cc and
// http_tls.cc.
//
// A Stream has: socket(); next(), what Asio reads and writes; readable(); subject(); async_wake(buffer, n, handler),
// which appends up to n bytes to `buffer` when the peer has sent or ended, and touches it only then; with kHandshake
// also async_open(handler) and async_end(handler).
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "server/http_core.h"
#include "server/http_reader.h"
#include "server/http_response.h"
#include "server/http_timer.h"
#include "server/request_timeout.h"

namespace lode::server {

namespace beast = boost::beast;

// First read of a request: most fit.
inline constexpr size_t kReadBytes = 4096;
inline constexpr size_t kBodyReadBytes = 64 << 10;
// So much of later requests is taken while one is handled; what is behind it, the end included, waits in the kernel.
inline constexpr size_t kMaxPipelinedBytes = 16 << 10;
// From here on a request takes a worker, so that the io threads stay free.
inline constexpr size_t kLargeBodyBytes = 16 << 10;
// For the peer to read a last answer and close.
inline constexpr milliseconds kLingerTimeout{2000};

template <class Stream>
class Session final : public Connection {
 public:
  Session(std::shared_ptr<HttpCore> core, Socket socket, const tcp::endpoint& peer)
      : Connection(socket.get_executor()),
        weak_core_(core),
        core_(*core),
        stream_(std::move(socket), *core),
        timer_(strand(), core->longest_nap),
        peer_(peer.address().is_v6() ? fmt::format("[{}]:{}", peer.address().to_string(), peer.port())
                                     : fmt::format("{}:{}", peer.address().to_string(), peer.port())) {}

  void start() override {
    asio::post(strand(), [self = self()] { self->open(); });
  }
  void drain() override {
    asio::post(strand(), [self = self()] {
      if (self->state_ == State::idle) self->cancel();
    });
  }
  void abort() override {
    asio::post(strand(), [self = self()] { self->close(); });
  }
  void answer(const std::shared_ptr<Call>& call, Made made) override;

 private:
  enum class State : uint8_t { opening, idle, receiving, handling, writing, lingering, closed };

  std::shared_ptr<Session> self() { return std::static_pointer_cast<Session>(shared_from_this()); }

  void open();
  void not_opened(error_code ec);
  void wait();
  void begin_request();
  void parse();
  void say_continue();
  void read();
  void wake();
  void on_read(error_code ec);
  void dispatch();
  void watch();
  void leave(int status);
  void answer_late();
  void refuse(const Refusal& refusal);
  void write(Response response, Delivery delivery);
  void on_written(error_code ec, size_t n_bytes);
  void linger();
  void discard();
  void close();
  void end_delivery(size_t n_bytes, bool whole);
  void finish_request() {
    if (std::exchange(busy_, false)) core_.end_request(before_drain_);
  }

  void cancel() {
    error_code ec;
    stream_.socket().cancel(ec);
  }

  void arm(milliseconds timeout) { arm_until(steady_clock::now() + timeout); }
  void arm_until(steady_clock::time_point when) {
    timed_out_ = false;
    timer_.set(when, [self = self()] { self->on_timeout(); });
  }
  void on_timeout();

  std::weak_ptr<HttpCore> weak_core_;
  HttpCore& core_;  // outlives every handler that runs
  Stream stream_;
  DeadlineTimer timer_;
  steady_clock::time_point body_started_;
  steady_clock::time_point request_deadline_;
  steady_clock::time_point write_started_;
  beast::flat_buffer buffer_;
  std::optional<RequestReader> reader_;
  std::shared_ptr<Call> call_;  // while the handler's answer is awaited
  Delivery delivery_;           // while it is written
  std::string peer_;
  std::string subject_;
  milliseconds timeout_{};  // what request_deadline_ was made of
  Framing framing_;
  int status_ = 0;  // of the answer that is being written
  State state_ = State::opening;
  bool reading_ = false;
  bool peer_ended_ = false;
  bool said_goodbye_ = false;
  bool answered_ = false;      // at least one request
  bool timed_out_ = false;     // why what the socket waited for was cancelled
  bool own_timeout_ = false;   // timeout_ came with the request
  bool busy_ = false;          // counted in n_busy
  bool before_drain_ = false;  // counted in n_busy_accepted
};

template <class Stream>
void Session<Stream>::open() {
  if constexpr (Stream::kHandshake) {
    arm(core_.options.header_timeout);
    stream_.async_open([self = self()](error_code ec) {
      if (self->state_ == State::closed) return;
      if (ec) return self->not_opened(ec);
      self->subject_ = self->stream_.subject();
      self->wait();
    });
  } else {
    wait();
  }
}

template <class Stream>
void Session<Stream>::not_opened(error_code ec) {
  log::debug("no TLS with {}: {}", peer_, ec.message());
  said_goodbye_ = true;
  if (!Stream::spoke_plain_http(ec)) return linger();  // the peer may still read the alert
  Response response = this_port_speaks_tls(core_.options.error_style);
  core_.tell_refused({.status = response.status, .reason = "tls_required", .peer = peer_}, response);
  status_ = response.status;
  delivery_ = Delivery(std::exchange(response.on_sent, {}));
  write_started_ = steady_clock::now();
  const auto bytes = std::make_shared<std::string>(to_bytes(response));
  arm(core_.options.stall_timeout);
  asio::async_write(stream_.socket(), asio::buffer(*bytes), [self = self(), bytes](error_code failed, size_t n_bytes) {
    self->end_delivery(n_bytes, !failed);
    failed ? self->close() : self->linger();
  });
}

template <class Stream>
void Session<Stream>::wait() {
  state_ = State::idle;
  if (buffer_.size() > 0) return begin_request();  // pipelined
  buffer_.shrink_to_fit();                         // idle connections are many
  if (peer_ended_ || (answered_ && core_.draining && !stream_.readable())) return linger();
  arm(core_.options.idle_timeout);
  wake();
}

template <class Stream>
void Session<Stream>::begin_request() {
  state_ = State::receiving;
  reader_.emplace(core_.options.max_header_bytes, core_.options.max_body_bytes);
  body_started_ = {};
  arm(core_.options.header_timeout);
  parse();
}

template <class Stream>
void Session<Stream>::parse() {
  const auto status = reader_->read(buffer_);
  if (status == RequestReader::Status::whole) return dispatch();
  if (status == RequestReader::Status::refused) return refuse(reader_->refusal());
  if (reader_->has_header()) {
    if (body_started_ == steady_clock::time_point{}) body_started_ = steady_clock::now();
    arm_until(body_started_ + transfer_timeout(core_.options, reader_->n_body_bytes()));
  }
  status == RequestReader::Status::wants_continue ? say_continue() : read();
}

template <class Stream>
void Session<Stream>::say_continue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(stream_.next(), asio::buffer(kContinue), [self = self()](error_code ec, size_t) {
    if (self->state_ == State::closed) return;
    ec || self->timed_out_ ? self->close() : self->read();
  });
}

// More of the request. If the peer is still being watched, that read brings it.
template <class Stream>
void Session<Stream>::read() {
  if (reading_) return;
  if (peer_ended_) return on_read(asio::error::eof);
  reading_ = true;
  const size_t n = reader_->has_header() ? kBodyReadBytes : kReadBytes;
  stream_.next().async_read_some(buffer_.prepare(n), [self = self()](error_code ec, size_t n_read) {
    self->buffer_.commit(n_read);
    self->reading_ = false;
    self->on_read(ec);
  });
}

template <class Stream>
void Session<Stream>::wake() {
  if (reading_) return;
  reading_ = true;
  stream_.async_wake(buffer_, kReadBytes, [self = self()](error_code ec) {
    self->reading_ = false;
    self->on_read(ec);
  });
}

// What has come, in whatever state it is found; `buffer_` holds it.
template <class Stream>
void Session<Stream>::on_read(error_code ec) {
  switch (state_) {
    case State::idle:
      // Cancelled by drain(): what has come is answered.
      if (ec == asio::error::operation_aborted && stream_.readable()) return wait();
      if (ec) return close();
      return buffer_.size() > 0 ? begin_request() : wait();
    case State::receiving:
      if (timed_out_) {
        if (!reader_->has_begun()) return close();
        return refuse(
            {408, {Code::invalid_argument, "The request did not arrive in time", "Send it again.", "request_timeout"}});
      }
      if (!ec) return parse();
      if (ec != asio::error::eof) return close();
      peer_ended_ = true;
      reader_->end();
      return refuse(reader_->refusal());
    case State::handling:
      if (ec && ec != asio::error::eof) return close();
      peer_ended_ = ec == asio::error::eof;
      return watch();
    case State::writing: peer_ended_ = ec == asio::error::eof; return;  // after a reset the writing fails
    case State::lingering: return linger();
    case State::opening:
    case State::closed: return;
  }
}

// While the handler works: notices when nobody waits any more, and takes some of what is pipelined.
template <class Stream>
void Session<Stream>::watch() {
  if (peer_ended_) return arm_until(std::min(request_deadline_, steady_clock::now() + core_.options.half_close_grace));
  if (buffer_.size() < kMaxPipelinedBytes) wake();
}

template <class Stream>
void Session<Stream>::dispatch() {
  Received received = reader_->release();
  reader_.reset();
  framing_ = {.version = received.version, .keep_alive = received.keep_alive, .head = received.head};
  timeout_ = core_.options.request_timeout;
  own_timeout_ = false;
  if (received.timeout) {
    const auto asked = parse_timeout(*received.timeout);
    own_timeout_ = asked && (timeout_.count() == 0 || *asked < timeout_);
    if (own_timeout_) timeout_ = *asked;
  }

  state_ = State::handling;
  busy_ = true;
  before_drain_ = core_.begin_request();
  const auto call = std::make_shared<Call>(weak_core_, weak_from_this(), false, received.request.late_headers);
  call_ = call;
  request_deadline_ = timeout_.count() == 0 ? steady_clock::time_point::max() : steady_clock::now() + timeout_;
  arm_until(request_deadline_);
  received.request.peer = peer_;
  received.request.tls_subject = subject_;
  received.request.gone = call->gone.get_token();

  Respond respond = core_.admit(received.request,
                                [ticket = Ticket(call)](MakeResponse make) mutable { ticket.use(std::move(make)); });
  const bool admitted = static_cast<bool>(respond);
  if (admitted) call->large = received.request.body.size() >= kLargeBodyBytes;  // refusals wait for no worker
  auto handle = [&core = core_, self = self(), request = std::move(received.request),
                 respond = std::move(respond)]() mutable {
    try {
      core.handler(std::move(request), std::move(respond));
    } catch (const std::exception& e) {
      log::error("a request could not be handled: {}", e.what());  // its Respond answers as it goes
    }
  };
  if (call->large) {
    asio::post(core_.workers, std::move(handle));
  } else if (admitted) {
    handle();
  }
  if (state_ == State::handling) watch();
}

template <class Stream>
void Session<Stream>::answer(const std::shared_ptr<Call>& call, Made made) {
  if (call != call_) return made.delivery.end({.status = call->left_with});
  call_.reset();
  write(std::move(made.response), std::move(made.delivery));
}

// The handler's answer is no longer waited for.
template <class Stream>
void Session<Stream>::leave(int status) {
  const auto call = std::exchange(call_, {});
  call->left_with = status;
  call->gone.request_stop();
}

template <class Stream>
void Session<Stream>::answer_late() {
  Response response = error_response(too_late(timeout_, own_timeout_), core_.options.error_style);
  std::ranges::move(call_->late_headers->get(), std::back_inserter(response.headers));
  leave(504);
  write(std::move(response), {});
}

// Of a request that never became whole; the connection cannot go on.
template <class Stream>
void Session<Stream>::refuse(const Refusal& refusal) {
  if (refusal.status == 0) return close();
  const std::string request_id = reader_->field("x-request-id"), origin = reader_->field("origin");
  reader_.reset();
  framing_ = {};
  Response response = error_response(refusal.status, refusal.error, core_.options.error_style);
  core_.tell_refused({refusal.status, refusal.error.reason, peer_, request_id, origin}, response);
  Delivery delivery(std::exchange(response.on_sent, {}));
  write(std::move(response), std::move(delivery));
}

template <class Stream>
void Session<Stream>::write(Response response, Delivery delivery) {
  state_ = State::writing;
  delivery_ = std::move(delivery);
  status_ = response.status;
  write_started_ = steady_clock::now();
  framing_.keep_alive = framing_.keep_alive && !core_.draining;
  arm(transfer_timeout(core_.options, response.body.size()));
  beast::async_write(stream_.next(), to_message(std::move(response), framing_),
                     [self = self()](error_code ec, size_t n_written) { self->on_written(ec, n_written); });
}

template <class Stream>
void Session<Stream>::on_written(error_code ec, size_t n_bytes) {
  if (state_ == State::closed) return;
  answered_ = true;
  end_delivery(n_bytes, !ec);
  finish_request();
  if (ec) return close();
  framing_.keep_alive ? wait() : linger();
}

// Says good-bye: the peer sees the end of our side, may still read the answer, and what it sends is thrown away.
// Closing at once would reset the connection and with it an answer that the peer has not read yet.
template <class Stream>
void Session<Stream>::linger() {
  if (state_ != State::lingering) arm(kLingerTimeout);
  state_ = State::lingering;
  if (reading_) return cancel();  // comes back by on_read()
  if constexpr (Stream::kHandshake) {
    if (!std::exchange(said_goodbye_, true)) {
      return stream_.async_end([self = self()](error_code) {
        if (self->state_ == State::lingering) self->linger();
      });
    }
  }
  error_code ec;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ec);
  discard();
}

template <class Stream>
void Session<Stream>::discard() {
  buffer_.clear();
  stream_.socket().async_read_some(buffer_.prepare(kReadBytes),
                                   [self = self()](error_code ec, size_t) { ec ? self->close() : self->discard(); });
}

template <class Stream>
void Session<Stream>::close() {
  if (std::exchange(state_, State::closed) == State::closed) return;
  if (call_) leave(499);
  end_delivery(0, false);
  timer_.cancel();
  error_code ec;
  stream_.socket().close(ec);
  finish_request();
  core_.remove(shared_from_this());
}

template <class Stream>
void Session<Stream>::end_delivery(size_t n_bytes, bool whole) {
  const std::chrono::duration<double> took = steady_clock::now() - write_started_;
  delivery_.end({.n_bytes = n_bytes, .seconds = took.count(), .whole = whole, .status = status_});
}

template <class Stream>
void Session<Stream>::on_timeout() {
  switch (state_) {
    case State::handling:
      if (steady_clock::now() >= request_deadline_) return answer_late();
      return close();                                           // half-closed, and nothing to send in its grace
    case State::receiving: timed_out_ = true; return cancel();  // there is somebody to answer
    case State::opening:
    case State::idle:
    case State::writing:
    case State::lingering: return close();
    case State::closed: return;
  }
}

}  // namespace lode::server

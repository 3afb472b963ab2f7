// What the connections of a server share, and what the server and its calls see of a connection. Private to http_*.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

#include "server/http.h"
#include "server/http_call.h"

namespace boost::asio::ssl {
class context;
}

namespace lode::server {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

using Strand = asio::strand<asio::io_context::executor_type>;
using Socket = asio::basic_stream_socket<tcp, Strand>;

// A draining server waits this long for requests that never become whole.
inline constexpr milliseconds kQuietTimeout{500};
// After accepting failed: mostly the process is out of file descriptors.
inline constexpr milliseconds kAcceptPause{50};

// For transfers of known or growing size: the stall timeout, and more for each byte so that only a stalled peer meets
// it.
inline milliseconds transfer_timeout(const HttpOptions& options, size_t n_bytes) {
  return options.stall_timeout + milliseconds(static_cast<int64_t>(n_bytes) * 1000 / options.min_bytes_per_second);
}

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(Strand strand) : strand_(std::move(strand)) {}
  virtual ~Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Any thread.
  virtual void start() = 0;
  // The server drains: a connection that waits for a request looks once more whether one has come.
  virtual void drain() = 0;
  virtual void abort() = 0;
  [[nodiscard]] const Strand& strand() const { return strand_; }

  // On the strand: the handler's answer to `call`, who may no longer wait for it.
  virtual void answer(const std::shared_ptr<Call>& call, Made made) = 0;

 private:
  Strand strand_;
};

// Connections are kept here while they are open; everything that outlives the server (a Respond) holds weak references
// only.
struct HttpCore : std::enable_shared_from_this<HttpCore> {
  HttpCore(HttpOptions o, Handler h);

  const HttpOptions options;
  const Handler handler;
  const milliseconds longest_nap;           // of a connection's timer: no shorter timeout is set often
  std::shared_ptr<asio::ssl::context> tls;  // null: plain
  // One a thread, and a connection stays with its own: what one thread alone serves needs to wake no other between two
  // steps of a request.
  std::deque<asio::io_context> contexts;
  size_t next_context = 0;  // of the connection that is accepted next; the acceptor's strand
  asio::basic_socket_acceptor<tcp, Strand> acceptor{asio::make_strand(contexts.front())};
  asio::steady_timer accept_pause{acceptor.get_executor()};
  asio::thread_pool workers;
  std::vector<std::thread> threads;
  tcp::endpoint endpoint;
  tcp::endpoint peer;          // of the connection that is being accepted; the acceptor's strand
  bool accept_failed = false;  // the last time; the acceptor's strand

  std::mutex mutex;
  std::condition_variable changed;  // a connection closed or a request was answered
  std::unordered_set<std::shared_ptr<Connection>> connections;
  bool full = false;                  // accepting waits for a connection to close
  int64_t n_busy = 0;                 // requests with the handler or being written
  int64_t n_busy_accepted = 0;        // those of them that came before the drain
  std::atomic<bool> draining{false};  // set under the mutex
  bool listening = true;

  void accept();
  void stop_listening();
  // Whether the request came before the drain, which end_request() has to be told.
  bool begin_request();
  void end_request(bool before_drain);
  // The Respond for the handler; empty: the request is answered.
  Respond admit(Request& request, Respond respond) noexcept;
  void tell_refused(const EarlyRefusal& refusal, Response& response) noexcept;
  void remove(const std::shared_ptr<Connection>& connection);

 private:
  Strand next_strand() { return asio::make_strand(contexts[next_context++ % contexts.size()]); }
  void add(Socket socket, const tcp::endpoint& from);
  bool wait_for_place();
};

std::shared_ptr<Connection> plain_connection(std::shared_ptr<HttpCore> core, Socket socket, const tcp::endpoint& peer);
std::shared_ptr<Connection> tls_connection(std::shared_ptr<HttpCore> core, Socket socket, const tcp::endpoint& peer);

}  // namespace lode::server

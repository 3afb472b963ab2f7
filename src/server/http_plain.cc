// Connections without TLS. Idle, one holds no buffer: it waits until there is something to read.
#include <boost/asio/error.hpp>

#include "server/http_session.h"

namespace lode::server {

namespace {

class PlainStream {
 public:
  static constexpr bool kHandshake = false;

  PlainStream(Socket socket, HttpCore&) : socket_(std::move(socket)) {
    error_code ec;
    socket_.non_blocking(true, ec);
  }

  Socket& socket() { return socket_; }
  Socket& next() { return socket_; }
  static std::string subject() { return {}; }
  static bool spoke_plain_http(error_code) { return false; }

  bool readable() {
    error_code ec;
    return socket_.available(ec) > 0 && !ec;
  }

  template <class Handler>
  void async_wake(beast::flat_buffer& buffer, size_t n, Handler handler) {
    socket_.async_wait(Socket::wait_read, [this, &buffer, n, handler = std::move(handler)](error_code ec) mutable {
      if (!ec) buffer.commit(socket_.read_some(buffer.prepare(n), ec));
      if (ec == asio::error::would_block) ec = {};
      handler(ec);
    });
  }

 private:
  Socket socket_;
};

}  // namespace

std::shared_ptr<Connection> plain_connection(std::shared_ptr<HttpCore> core, Socket socket, const tcp::endpoint& peer) {
  return std::make_shared<Session<PlainStream>>(std::move(core), std::move(socket), peer);
}

}  // namespace lode::server

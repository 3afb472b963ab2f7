// Connections with TLS.
#include <array>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream_base.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "server/http_session.h"
#include "server/tls.h"

namespace lode::server {

namespace {

class TlsStream {
 public:
  static constexpr bool kHandshake = true;

  TlsStream(Socket socket, HttpCore& core) : stream_(std::move(socket), *core.tls) {}

  Socket& socket() { return stream_.next_layer(); }
  auto& next() { return stream_; }
  std::string subject() { return client_subject(stream_.native_handle()); }

  static bool spoke_plain_http(error_code ec) {
    return ec.category() == asio::error::get_ssl_category() && is_plain_http(static_cast<unsigned long>(ec.value()));
  }

  bool readable() {
    error_code ec;
    return socket().available(ec) > 0 && !ec;
  }

  template <class Handler>
  void async_open(Handler handler) {
    stream_.async_handshake(asio::ssl::stream_base::server, std::move(handler));
  }
  template <class Handler>
  void async_end(Handler handler) {
    stream_.async_shutdown(std::move(handler));
  }

  template <class Handler>
  void async_wake(beast::flat_buffer& buffer, size_t, Handler handler) {
    stream_.async_read_some(asio::buffer(woken_by_),
                            [this, &buffer, handler = std::move(handler)](error_code ec, size_t n) mutable {
                              buffer.commit(asio::buffer_copy(buffer.prepare(n), asio::buffer(woken_by_, n)));
                              handler(ec);
                            });
  }

 private:
  beast::ssl_stream<Socket> stream_;
  std::array<char, kReadBytes> woken_by_;  // the session's buffer may be in use until the read ends
};

}  // namespace

std::shared_ptr<Connection> tls_connection(std::shared_ptr<HttpCore> core, Socket socket, const tcp::endpoint& peer) {
  return std::make_shared<Session<TlsStream>>(std::move(core), std::move(socket), peer);
}

}  // namespace lode::server

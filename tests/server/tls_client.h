// The raw client over TLS. It trusts any server: what the tests look at is what the server does.
#pragma once

#include <memory>
#include <string>

#include <openssl/ssl.h>

#include "client.h"

namespace lode::server {

struct TlsClientOptions {
  std::string cert_file{};  // its own; empty: none
  std::string key_file{};
  int max_version = 0;  // of the protocol; 0: the newest
};

class TlsClient : public Client {
 public:
  explicit TlsClient(uint16_t port, const TlsClientOptions& options = {}) : Client(port) {
    SSL_CTX_set_security_level(context_.get(), 0);  // old protocols are for the server to refuse
    SSL_CTX_set_max_proto_version(context_.get(), options.max_version);
    if (!options.cert_file.empty()) {
      SSL_CTX_use_certificate_chain_file(context_.get(), options.cert_file.c_str());
      SSL_CTX_use_PrivateKey_file(context_.get(), options.key_file.c_str(), SSL_FILETYPE_PEM);
    }
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd());
    open_ = SSL_connect(ssl_.get()) == 1;
  }

  // With TLS 1.3 a client takes a handshake for done that the server then refuses.
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] std::string version() const { return SSL_get_version(ssl_.get()); }

  void end_sending() override { SSL_shutdown(ssl_.get()); }  // "close notify", and the TCP side stays open
  // The TCP side ends without it, as that of a process that was killed.
  void cut() { Client::end_sending(); }

 protected:
  ssize_t write_some(const char* bytes, size_t n) override {
    return open_ ? SSL_write(ssl_.get(), bytes, static_cast<int>(n)) : -1;
  }
  ssize_t read_some(char* bytes, size_t n) override {
    return open_ ? SSL_read(ssl_.get(), bytes, static_cast<int>(n)) : -1;
  }
  bool has_more(std::chrono::milliseconds timeout) override {
    return SSL_pending(ssl_.get()) > 0 || Client::has_more(timeout);
  }

 private:
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_{SSL_CTX_new(TLS_client_method()), &SSL_CTX_free};
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, &SSL_free};
  bool open_ = false;
};

}  // namespace lode::server

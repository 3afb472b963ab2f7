// TLS from PEM files: what a server shows, and whom it lets in. OpenSSL does the work; this checks the files before the
// first connection needs them and says which of them is wrong. Private to http_*.
#pragma once

#include <memory>
#include <string>

#include <openssl/types.h>

#include "base/error.h"
#include "server/http.h"

namespace boost::asio::ssl {
class context;
}

namespace lode::server {

// Errors: io when a file cannot be read, invalid_argument when it is not PEM, when the key is encrypted or does not
// belong to the certificate. Any thread.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const TlsOptions& options);

// Common name of the client's certificate, or its whole subject where it has none; empty without a certificate.
std::string client_subject(const SSL* ssl);

// Whether a handshake failed because the client speaks plain HTTP.
bool is_plain_http(unsigned long openssl_error);

}  // namespace lode::server

#include "server/tls.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509.h>
#include <openssl/x509err.h>

namespace lode::server {

namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

// Sessions are only resumed by the same service.
constexpr std::string_view kSessionContext = "lodestone";

Status check_readable(const std::string& path, std::string_view what, std::string_view option) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  char byte;
  if (file && std::fread(&byte, 1, 1, file.get()) == 1) return {};
  const std::string why = file && std::ferror(file.get()) == 0 ? "it is empty" : std::strerror(errno);
  return fail(Code::io, fmt::format("cannot read the {} '{}': {}", what, path, why),
              fmt::format("Give {} a PEM file that this user may read.", option));
}

// Of several protocols that a client offers, HTTP/1.1; what does not offer it is left to find out.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* n_out, const unsigned char* in, unsigned n_in,
                    void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, n_out, kHttp11, sizeof(kHttp11) - 1, in, n_in) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Status load_certificate(ssl::context& context, const std::string& path) {
  LODE_TRY(check_readable(path, "certificate", "--tls-cert"));
  error_code ec;
  context.use_certificate_chain_file(path, ec);
  if (!ec) return {};
  return fail(Code::invalid_argument, fmt::format("'{}' is not a certificate in PEM format: {}", path, ec.message()),
              "It begins with -----BEGIN CERTIFICATE-----; the server's own comes first, then those that signed it.");
}

Status load_key(ssl::context& context, const std::string& path, const std::string& cert_file) {
  LODE_TRY(check_readable(path, "private key", "--tls-key"));
  bool asked = false;
  error_code ec;
  context.set_password_callback(
      [&asked](size_t, ssl::context::password_purpose) {
        asked = true;
        return std::string();
      },
      ec);
  context.use_private_key_file(path, ssl::context::pem, ec);
  const auto reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
  if (!ec && SSL_CTX_check_private_key(context.native_handle()) == 1) {
    // The callback must not outlive what it captures.
    context.set_password_callback([](size_t, ssl::context::password_purpose) { return std::string(); }, ec);
    return {};
  }
  if (asked) {
    return fail(Code::invalid_argument, fmt::format("the private key '{}' is encrypted", path),
                "A server starts without anybody to type a password: write it out with `openssl pkey -in KEY -out "
                "PLAIN` and let only this user read it.");
  }
  if (!ec || reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH) {
    return fail(Code::invalid_argument,
                fmt::format("the private key '{}' does not belong to the certificate '{}'", path, cert_file),
                "Give --tls-cert and --tls-key files that were made together.");
  }
  return fail(Code::invalid_argument, fmt::format("'{}' is not a private key in PEM format: {}", path, ec.message()),
              "It begins with -----BEGIN PRIVATE KEY-----.");
}

Status load_client_ca(ssl::context& context, const std::string& path) {
  LODE_TRY(check_readable(path, "certificates of client authorities", "--tls-client-ca"));
  error_code ec;
  context.load_verify_file(path, ec);
  STACK_OF(X509_NAME)* names = ec ? nullptr : SSL_load_client_CA_file(path.c_str());
  if (names == nullptr) {
    return fail(Code::invalid_argument,
                fmt::format("'{}' holds no certificates in PEM format{}{}", path, ec ? ": " : "", ec.message()),
                "Each begins with -----BEGIN CERTIFICATE-----.");
  }
  SSL_CTX_set_client_CA_list(context.native_handle(), names);  // takes them
  context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert, ec);
  return {};
}

std::string to_utf8(const ASN1_STRING* text) {
  unsigned char* bytes = nullptr;
  const int n = ASN1_STRING_to_UTF8(&bytes, text);
  if (n < 0) return {};
  std::string out(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
  OPENSSL_free(bytes);
  return out;
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_tls_context(const TlsOptions& options) {
  if (options.cert_file.empty() || options.key_file.empty()) {
    return fail(Code::invalid_argument,
                fmt::format("TLS needs a certificate and its private key, but the {} is missing",
                            options.cert_file.empty() ? "certificate" : "private key"),
                "Give both --tls-cert and --tls-key.");
  }
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_id_context(native, reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 kSessionContext.size());
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
  LODE_TRY(load_certificate(*context, options.cert_file));
  LODE_TRY(load_key(*context, options.key_file, options.cert_file));
  if (!options.client_ca_file.empty()) LODE_TRY(load_client_ca(*context, options.client_ca_file));
  ERR_clear_error();
  return context;
}

std::string client_subject(const SSL* ssl) {
  const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(ssl), &X509_free);
  if (!certificate) return {};
  const X509_NAME* name = X509_get_subject_name(certificate.get());
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at >= 0) return to_utf8(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), &BIO_free);
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* bytes = nullptr;
  const auto n = BIO_get_mem_data(out.get(), &bytes);
  return {bytes, static_cast<size_t>(n)};
}

bool is_plain_http(unsigned long openssl_error) {
  return ERR_GET_LIB(openssl_error) == ERR_LIB_SSL && ERR_GET_REASON(openssl_error) == SSL_R_HTTP_REQUEST;
}

}  // namespace lode::server

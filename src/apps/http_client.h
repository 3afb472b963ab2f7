// One GET or POST over libcurl, which is hidden in http_client.cc. Follows redirects itself: the token goes only to the
// scheme, host and port of the first address, https is never left for http, and only http(s) is spoken. Proxies come
// from the usual variables. Stops within a second of Ctrl-C. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lode::apps {

struct HttpRequest {
  std::string url;
  std::string bearer;                  // sent as Authorization where the redirects above allow; may be empty
  std::optional<uint64_t> range_from;  // Range: bytes=N-
  std::optional<std::string> json{};   // POSTed as application/json; without it the request is a GET
  int64_t stall_seconds = 60;          // give up when nothing arrives for this long
  std::string ca_file;                 // PEM authorities trusted instead of the system's; may be empty
  std::string cert_file;               // PEM certificate and key to show to a server that asks; may be empty
  std::string key_file;
  bool insecure = false;  // trust any server
  bool direct = false;    // neither by a proxy nor by redirects, which are answers then
};

struct HttpHead {
  long status = 0;
  std::string url;                             // after redirects
  std::map<std::string, std::string> headers;  // names in lower case, of the last response only

  [[nodiscard]] std::string_view header(std::string_view name) const;  // "" when absent
};

struct HttpFailure {
  enum class Kind : unsigned char {
    offline,    // the host cannot be found or reached
    broken,     // the connection ended or stalled: worth another try
    tls,        // no trust in the other side
    refused,    // a redirect that is not followed, or an address that is not one
    cancelled,  // Ctrl-C
    consumer,   // the caller's on_head or on_body said no: `error`
  };
  Kind kind = Kind::broken;
  Error error;
};

class HttpClient {
 public:
  HttpClient();
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  using OnHead = std::function<Status(const HttpHead& head)>;
  using OnBody = std::function<Status(std::span<const std::byte> bytes)>;
  // A POST is redirected by 307 and 308 only. on_head once, when the final response's headers are in; then on_body for
  // each piece as it arrives.
  std::expected<HttpHead, HttpFailure> send(const HttpRequest& request, const OnHead& on_head, const OnBody& on_body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The host (and port, if named) of an address, for messages.
std::string host_of(std::string_view url);
// One path segment or a path's segments, percent-encoded where needed; slashes stay.
std::string encode_path(std::string_view path);

}  // namespace lode::apps

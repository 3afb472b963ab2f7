#include "apps/http_client.h"

#include <algorithm>
#include <cctype>
#include <new>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>

#include "apps/command.h"

namespace lode::apps {
namespace {

constexpr int kMaxRedirects = 10;
constexpr long kConnectSeconds = 20;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string url_part(const std::string& url, CURLUPart part) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  char* text = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
    return {};
  std::string out(text);
  curl_free(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string scheme_of(const std::string& url) {
  return url_part(url, CURLUPART_SCHEME);
}

bool same_origin(const std::string& a, const std::string& b) {
  return scheme_of(a) == scheme_of(b) && url_part(a, CURLUPART_HOST) == url_part(b, CURLUPART_HOST) &&
         url_part(a, CURLUPART_PORT) == url_part(b, CURLUPART_PORT);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

HttpFailure::Kind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return HttpFailure::Kind::offline;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_ISSUER_ERROR: return HttpFailure::Kind::tls;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return HttpFailure::Kind::refused;
    case CURLE_ABORTED_BY_CALLBACK: return HttpFailure::Kind::cancelled;
    default: return HttpFailure::Kind::broken;
  }
}

// What one transfer's callbacks share.
struct Transfer {
  CURL* curl = nullptr;
  HttpHead head;
  const HttpClient::OnHead* on_head = nullptr;
  const HttpClient::OnBody* on_body = nullptr;
  bool head_given = false;
  bool posts = false;
  std::optional<Error> refusal;

  [[nodiscard]] bool is_redirect() const {
    const bool keeps_body = head.status == 307 || head.status == 308;
    return (keeps_body || (!posts && (head.status == 301 || head.status == 302 || head.status == 303))) &&
           !head.header("location").empty();
  }
  bool give_head() {
    if (std::exchange(head_given, true)) return true;
    if (Status status = (*on_head)(head); !status) refusal = status.error();
    return !refusal;
  }
};

size_t on_header(char* data, size_t, size_t n, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line = trim({data, n});
  if (line.starts_with("HTTP/")) {  // also after a 1xx or a proxy's answer
    transfer.head.headers.clear();
    return n;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return n;
  std::string name(trim(line.substr(0, colon)));
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  transfer.head.headers[std::move(name)] = std::string(trim(line.substr(colon + 1)));
  return n;
}

size_t on_data(char* data, size_t, size_t n, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &transfer.head.status);
  if (transfer.is_redirect()) return n;  // a page that says where to go
  if (!transfer.give_head()) return 0;
  if (Status status = (*transfer.on_body)(std::as_bytes(std::span(data, n))); !status)
    transfer.refusal = status.error();
  return transfer.refusal ? 0 : n;
}

int on_progress(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return interrupted() ? 1 : 0;
}

}  // namespace

std::string_view HttpHead::header(std::string_view name) const {
  const auto found = headers.find(std::string(name));
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

struct HttpClient::Impl {
  CURL* curl = nullptr;
};

HttpClient::HttpClient() : impl_(std::make_unique<Impl>()) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  impl_->curl = curl_easy_init();
  if (impl_->curl == nullptr) throw std::bad_alloc();
}

HttpClient::~HttpClient() {
  curl_easy_cleanup(impl_->curl);
  curl_global_cleanup();
}

std::expected<HttpHead, HttpFailure> HttpClient::send(const HttpRequest& request, const OnHead& on_head,
                                                      const OnBody& on_body) {
  using Kind = HttpFailure::Kind;
  const auto failure = [](Kind kind, Code code, std::string message) {
    return std::unexpected(HttpFailure{kind, Error{code, std::move(message), {}}});
  };
  CURL* curl = impl_->curl;
  std::string url = request.url;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    curl_easy_reset(curl);  // the connections stay open for the next file
    Transfer transfer;
    transfer.curl = curl;
    transfer.head.url = url;
    transfer.on_head = &on_head;
    transfer.on_body = &on_body;
    transfer.posts = request.json.has_value();
    char reason[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "lode");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_seconds));
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    if (!request.cert_file.empty()) curl_easy_setopt(curl, CURLOPT_SSLCERT, request.cert_file.c_str());
    if (!request.key_file.empty()) curl_easy_setopt(curl, CURLOPT_SSLKEY, request.key_file.c_str());
    if (request.direct) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    if (request.insecure) {
      curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    std::string range;
    if (request.range_from) {
      range = fmt::format("{}-", *request.range_from);
      curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
    }
    curl_slist* headers = nullptr;
    if (request.json) {
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.json->data());
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.json->size()));
      headers = curl_slist_append(headers, "Content-Type: application/json");
      headers = curl_slist_append(headers, "Expect:");  // no round trip before a large body
    }
    if (!request.bearer.empty() && same_origin(url, request.url))
      headers = curl_slist_append(headers, ("Authorization: Bearer " + request.bearer).c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    const CURLcode code = curl_easy_perform(curl);
    curl_slist_free_all(headers);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.head.status);

    if (transfer.refusal) return std::unexpected(HttpFailure{Kind::consumer, *transfer.refusal});
    if (interrupted()) return failure(Kind::cancelled, Code::cancelled, "interrupted");
    if (code != CURLE_OK) {
      const std::string why = reason[0] != '\0' ? reason : curl_easy_strerror(code);
      return failure(kind_of(code), Code::io, fmt::format("{}: {}", host_of(url), why));
    }
    if (!transfer.is_redirect() || request.direct) {
      if (!transfer.give_head()) return std::unexpected(HttpFailure{Kind::consumer, *transfer.refusal});
      return std::move(transfer.head);
    }
    char* location = nullptr;
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    const std::string next = location != nullptr ? location : "";
    const std::string scheme = scheme_of(next);
    if (scheme != "https" && (scheme != "http" || scheme_of(url) == "https")) {
      return failure(Kind::refused, Code::permission,
                     fmt::format("{} redirects to {}, expected {} address", host_of(url), next,
                                 scheme_of(url) == "https" ? "an https" : "a web"));
    }
    url = next;
  }
  return failure(Kind::refused, Code::io,
                 fmt::format("{} redirects more than {} times", host_of(request.url), kMaxRedirects));
}

std::string host_of(std::string_view url) {
  const std::string text(url);
  const std::string host = url_part(text, CURLUPART_HOST);
  const std::string port = url_part(text, CURLUPART_PORT);
  if (host.empty()) return text;
  return port.empty() || port == "443" || port == "80" ? host : host + ":" + port;
}

std::string encode_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/' || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
  return out;
}

}  // namespace lode::apps

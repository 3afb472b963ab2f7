#include "server/cors.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lode::server {

namespace {

constexpr std::string_view kMethods = "GET, HEAD, POST, OPTIONS";
constexpr std::array<std::string_view, 8> kHeaders = {"authorization", "content-type",     "api-key",
                                                      "x-api-key",     "x-request-id",     "traceparent",
                                                      "tracestate",    "x-request-timeout"};
constexpr std::string_view kExposed =
    "x-request-id, retry-after, x-lode-truncated, x-ratelimit-limit-requests, x-ratelimit-remaining-requests, "
    "x-ratelimit-reset-requests";
// Browsers keep a preflight's answer for two hours at most.
constexpr std::string_view kMaxAge_s = "7200";
constexpr size_t kMaxAskedNames = 64;
constexpr size_t kMaxHeaderChars = 128;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

// A field name of HTTP.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_origin(std::string_view text) {
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0 || scheme + 3 == text.size()) return false;
  const auto in_scheme = [](char c) {
    return (is_alphanumeric(c) && c == lower(c)) || c == '+' || c == '-' || c == '.';
  };
  const auto in_host = [](char c) {
    return (is_alphanumeric(c) && c == lower(c)) || std::string_view("-._~:[]").find(c) != std::string_view::npos;
  };
  return std::ranges::all_of(text.substr(0, scheme), in_scheme) &&
         std::ranges::all_of(text.substr(scheme + 3), in_host);
}

// The names that are always allowed, and those that the browser asks for.
std::string allowed_headers(std::string_view asked) {
  std::vector<std::string> names(kHeaders.begin(), kHeaders.end());
  for (size_t n = 0; !asked.empty() && n < kMaxAskedNames; ++n) {
    const size_t comma = std::min(asked.find(','), asked.size());
    std::string_view name = asked.substr(0, comma);
    asked.remove_prefix(std::min(comma + 1, asked.size()));
    while (name.starts_with(' ') || name.starts_with('\t')) name.remove_prefix(1);
    while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
    if (!is_token(name) || name.size() > kMaxHeaderChars) continue;
    std::string lowered(name);
    std::ranges::transform(lowered, lowered.begin(), lower);
    if (std::ranges::find(names, lowered) == names.end()) names.push_back(std::move(lowered));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

bool is_header(std::string_view name, std::string_view lower_case_name) {
  return name.size() == lower_case_name.size() &&
         std::equal(name.begin(), name.end(), lower_case_name.begin(), [](char a, char b) { return lower(a) == b; });
}

std::string_view header_value(const Request& request, std::string_view lower_case_name) {
  for (const Header& header : request.headers) {
    if (is_header(header.name, lower_case_name)) return header.value;
  }
  return {};
}

Result<Cors> Cors::make(std::vector<std::string> origins) {
  Cors cors;
  for (const std::string& origin : origins) {
    if (origin == "*") {
      cors.any_ = true;
    } else if (!is_origin(origin)) {
      return fail(Code::invalid_argument, fmt::format("'{}' is not an origin that a browser sends", origin),
                  "Give scheme://host or scheme://host:port in lower case and without a slash behind, or * for all.");
    }
  }
  cors.origins_ = std::move(origins);
  return cors;
}

std::string_view Cors::allowed(std::string_view origin) const {
  if (origin.empty()) return {};
  if (any_) return "*";
  const auto found = std::ranges::find(origins_, origin);
  return found == origins_.end() ? std::string_view() : std::string_view(*found);
}

std::optional<Response> Cors::preflight(const Request& request) const {
  if (request.method != "OPTIONS" || header_value(request, "access-control-request-method").empty()) return {};
  if (allowed(header_value(request, "origin")).empty()) return {};
  Response response{.status = 204, .content_type = ""};
  response.headers.push_back({"Access-Control-Allow-Methods", std::string(kMethods)});
  response.headers.push_back(
      {"Access-Control-Allow-Headers", allowed_headers(header_value(request, "access-control-request-headers"))});
  response.headers.push_back({"Access-Control-Max-Age", std::string(kMaxAge_s)});
  return response;
}

void Cors::decorate(Response& response, std::string_view origin) const {
  if (origins_.empty()) return;
  // A cache may not hand the answer for one origin to another, nor the answer without one to any.
  if (!any_) {
    const auto vary = std::ranges::find_if(response.headers, [](const Header& h) { return is_header(h.name, "vary"); });
    if (vary == response.headers.end()) {
      response.headers.push_back({"Vary", "Origin"});
    } else {
      vary->value += ", Origin";
    }
  }
  const std::string_view value = allowed(origin);
  if (value.empty()) return;
  response.headers.push_back({"Access-Control-Allow-Origin", std::string(value)});
  response.headers.push_back({"Access-Control-Expose-Headers", std::string(kExposed)});
}

}  // namespace lode::server

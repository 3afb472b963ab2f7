// Which web pages of other origins may call from a browser. Without origins no header is ever added and browsers keep
// to their rule. Credentials of the browser (cookies) are never allowed: there are none; an API key is an ordinary
// header. Immutable; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/http.h"

namespace lode::server {

class Cors {
 public:
  // Each origin is "*" or scheme://host[:port] as browsers send it ("https://app.example.com"). Errors:
  // invalid_argument for anything else, such as a path behind it.
  static Result<Cors> make(std::vector<std::string> origins);
  Cors() = default;  // off

  // The answer to a preflight of an allowed origin (OPTIONS with Access-Control-Request-Method); empty: it is none, or
  // the origin may not. Header names that the browser asks for are allowed as long as they are names; what is not is
  // left out. decorate() adds the rest.
  [[nodiscard]] std::optional<Response> preflight(const Request& request) const;

  // For every response.
  void decorate(Response& response, std::string_view origin) const;

 private:
  [[nodiscard]] std::string_view allowed(std::string_view origin) const;  // header's value; empty: not allowed

  std::vector<std::string> origins_;
  bool any_ = false;
};

// The first header of that name (lower case); empty without.
std::string_view header_value(const Request& request, std::string_view lower_case_name);
// Header names are the same in any letter case.
bool is_header(std::string_view name, std::string_view lower_case_name);

}  // namespace lode::server

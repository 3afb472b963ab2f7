#include "server/http_response.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <sstream>
#include <string_view>
#include <utility>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "server/api_error.h"

namespace lode::server {

namespace {

namespace http = boost::beast::http;

std::string_view now_as_date() {
  thread_local std::time_t when = 0;
  thread_local std::string text;
  if (const std::time_t now = std::time(nullptr); now != when) {
    when = now;
    text = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(now));
  }
  return text;
}

template <class Message>
void fill(Message& message, const Response& response, size_t n_body_bytes, const Framing& framing) {
  message.version(framing.version);
  message.result(static_cast<unsigned>(response.status));
  message.set(http::field::date, now_as_date());
  message.set(http::field::server, "lodestone");
  // An answer that cannot have a body says nothing of one (RFC 9110, 8.6; what a 304 would say is the cache's already).
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) message.set(http::field::content_type, response.content_type);
  for (const Header& header : response.headers) message.set(header.name, header.value);
  if (!bodiless) message.content_length(n_body_bytes);
  message.keep_alive(framing.keep_alive);
}

}  // namespace

http::message_generator to_message(Response response, const Framing& framing) {
  const size_t n_bytes = response.body.size();
  if (framing.head) {
    http::response<http::empty_body> message;
    fill(message, response, n_bytes, framing);
    return message;
  }
  http::response<http::string_body> message;
  message.body() = std::move(response.body);
  fill(message, response, n_bytes, framing);
  return message;
}

Response this_port_speaks_tls(ErrorStyle style) {
  return error_response({.code = Code::invalid_argument,
                         .message = "This port speaks TLS",
                         .hint = "Write https:// in place of http://.",
                         .reason = "tls_required"},
                        style);
}

std::string to_bytes(const Response& response) {
  http::response<http::string_body> message;
  message.body() = response.body;
  fill(message, response, response.body.size(), {});
  std::ostringstream out;
  out << message;
  return out.str();
}

}  // namespace lode::server

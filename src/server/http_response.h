// Responses as bytes. Stateless; any thread. Private to http_*.
#pragma once

#include <string>

#include <boost/beast/http/message_generator.hpp>

#include "server/http.h"

namespace lode::server {

// What a response has to know of its request and its connection.
struct Framing {
  unsigned version = 11;
  bool keep_alive = false;
  bool head = false;  // answers HEAD: the length is there, the body is not
};

boost::beast::http::message_generator to_message(Response response, const Framing& framing);

// For a client that speaks plain HTTP to a TLS port.
Response this_port_speaks_tls(ErrorStyle style);
// The last answer of a connection.
std::string to_bytes(const Response& response);

}  // namespace lode::server

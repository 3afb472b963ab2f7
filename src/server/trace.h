// What names a request across programs: the x-request-id header and the W3C trace context (traceparent of version 00,
// tracestate). Everything that is passed on is checked here, so that no header or log line can be forged with it; what
// is not valid is ignored, as the specification asks, and never an error. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>

namespace lode::server {

// 1 to 128 characters of visible ASCII.
bool is_request_id(std::string_view text);
// "req_" and 32 hexadecimal digits that nobody else has got.
std::string new_request_id();

// 00-<32 hex>-<16 hex>-<2 hex>, lower case, neither id all zero.
bool is_traceparent(std::string_view text);
// 1 to 512 characters of printable ASCII; the list in it is the business of whoever wrote it.
bool is_tracestate(std::string_view text);

}  // namespace lode::server

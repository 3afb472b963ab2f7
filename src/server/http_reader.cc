#include "server/http_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <utility>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <fmt/format.h>

#include "server/request_timeout.h"

namespace lode::server {

namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;
using boost::system::error_code;

// "0\r\n\r\n": wherever a chunked body stands, this much must still come. Beast's parser asserts it when it looks at
// the last chunk for the second time, so it is not called before.
constexpr size_t kLeastChunkedBytes = 5;

// RFC 9112, 2.2: some clients send an empty line behind a body. It is none of the next request, as long as few come.
constexpr int kMostEmptyLines = 4;

// Beast takes a request of another coding for one without a body, and the body for the next request.
template <class Fields>
bool has_usual_coding(const Fields& fields) {
  const auto [first, last] = fields.equal_range(http::field::transfer_encoding);
  return first == last || (std::next(first) == last && iequals(first->value(), "chunked"));
}

// RFC 9112, 3.2: a request of HTTP/1.1 names one host, and none names two.
template <class Request>
bool has_usual_host(const Request& request) {
  const auto n = request.count(http::field::host);
  return n == 1 || (n == 0 && request.version() < 11);
}

}  // namespace

RequestReader::RequestReader(size_t max_header_bytes, size_t max_body_bytes)
    : max_header_bytes_(std::min<size_t>(max_header_bytes, std::numeric_limits<uint32_t>::max())),
      max_body_bytes_(max_body_bytes) {
  parser_.header_limit(static_cast<uint32_t>(max_header_bytes_));
  parser_.body_limit(max_body_bytes);
}

bool RequestReader::skip_empty_lines(boost::beast::flat_buffer& buffer) {
  for (; n_empty_lines_ < kMostEmptyLines; ++n_empty_lines_) {
    const std::string_view front(static_cast<const char*>(buffer.cdata().data()), std::min<size_t>(buffer.size(), 2));
    if (front.empty() || front == "\r") return false;
    if (front != "\r\n") return true;
    buffer.consume(front.size());
  }
  return true;
}

RequestReader::Status RequestReader::read(boost::beast::flat_buffer& buffer) {
  if (!has_begun() && !skip_empty_lines(buffer)) return Status::more;
  while (true) {
    const bool in_header = !parser_.is_header_done();
    if (buffer.size() < (in_header || !parser_.chunked() ? 1 : kLeastChunkedBytes)) return Status::more;
    error_code ec;
    buffer.consume(parser_.put(buffer.data(), ec));
    if (ec && ec != http::error::need_more) {
      error_ = ec;
      return Status::refused;
    }
    if (in_header && parser_.is_header_done()) {
      if (!has_usual_coding(parser_.get())) error_ = http::error::bad_transfer_encoding;
      if (!error_ && !has_usual_host(parser_.get())) error_ = http::error::bad_field;
      if (error_) return Status::refused;
    }
    if (parser_.is_done()) return Status::whole;
    if (in_header && parser_.is_header_done()) {
      parser_.eager(true);
      const auto& request = parser_.get();
      if (buffer.size() == 0 && request.version() >= 11 && iequals(request[http::field::expect], "100-continue")) {
        return Status::wants_continue;
      }
      continue;
    }
    // What is left of a body is the beginning of a chunk's header or of the trailer, which Beast does not limit.
    if (!in_header && buffer.size() > max_header_bytes_) {
      error_ = http::error::header_limit;
      return Status::refused;
    }
    return Status::more;
  }
}

void RequestReader::end() {
  error_ = has_begun() ? http::error::partial_message : http::error::end_of_stream;
}

std::string RequestReader::field(std::string_view name) const {
  return std::string(parser_.get()[name]);
}

Refusal RequestReader::refusal() const {
  if (error_ == http::error::end_of_stream) return {};
  if (error_ == http::error::body_limit) {
    return {413,
            {Code::too_large, fmt::format("The request body is larger than the limit of {} bytes", max_body_bytes_),
             "Send fewer texts in a request, or start the server with a larger --max-body-bytes.", "body_too_large"}};
  }
  if (error_ == http::error::header_limit) {
    return {431,
            {Code::too_large, fmt::format("The request header is larger than the limit of {} bytes", max_header_bytes_),
             "Send fewer or shorter header fields.", "header_too_large"}};
  }
  if (error_ == http::error::bad_field && parser_.is_header_done()) {
    return {400,
            {Code::invalid_argument,
             fmt::format("The request has {} Host headers, 1 was expected", parser_.get().count(http::field::host)),
             {},
             "bad_request"}};
  }
  return {
      400,
      {Code::invalid_argument, fmt::format("This is not an HTTP request: {}", error_.message()), {}, "bad_request"}};
}

Received RequestReader::release() {
  auto message = parser_.release();
  Received received{
      .request = {.method = std::string(message.method_string()), .target = std::string(message.target())},
      .version = message.version(),
      .keep_alive = message.keep_alive(),
      .head = message.method() == http::verb::head};
  for (const auto& field : message) {
    const auto name = field.name_string();
    if (name.size() == kTimeoutField.size() && iequals(name, kTimeoutField)) {
      received.timeout = std::string(field.value());
    }
    received.request.headers.push_back({std::string(name), std::string(field.value())});
  }
  received.request.body = std::move(message.body());
  return received;
}

}  // namespace lode::server

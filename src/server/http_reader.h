// Bytes to whole requests, without a socket: held to the limits of size, refused as soon as it is certain that they can
// never become a request. Takes no more memory than what has come: an announced length reserves nothing. One reader a
// request; not for several threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "server/api_error.h"
#include "server/http.h"

namespace lode::server {

// Beast's string_body reserves the announced length before a byte has come; this one grows with what arrives.
struct GrowingBody {
  using value_type = std::string;
  class reader {
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}
    void init(const boost::optional<uint64_t>&, boost::system::error_code& ec) { ec = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, boost::system::error_code& ec) {
      ec = {};
      size_t n = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers); it != boost::asio::buffer_sequence_end(buffers);
           ++it) {
        const boost::asio::const_buffer buffer = *it;
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        n += buffer.size();
      }
      return n;
    }
    void finish(boost::system::error_code& ec) { ec = {}; }

   private:
    value_type& body_;
  };
};

// A whole request and what its connection has to know of it.
struct Received {
  Request request;
  std::optional<std::string> timeout{};  // value of x-request-timeout, as sent
  unsigned version = 11;
  bool keep_alive = false;
  bool head = false;
};

struct Refusal {
  int status = 0;  // 0: the peer left between two requests, nobody is to be answered
  ApiError error{};
};

class RequestReader {
 public:
  enum class Status : uint8_t {
    more,            // call again when more has come
    wants_continue,  // the same, but the client waits for a "100 Continue"; said once
    whole,
    refused,  // no further call but refusal()
  };

  RequestReader(size_t max_header_bytes, size_t max_body_bytes);

  // Takes from the front of `buffer` what belongs to this request and can be parsed.
  Status read(boost::beast::flat_buffer& buffer);
  // The peer has ended its side before the request was whole.
  void end();

  // Empty lines in front of a request are none of it.
  [[nodiscard]] bool has_begun() const { return parser_.got_some(); }
  [[nodiscard]] bool has_header() const { return parser_.is_header_done(); }
  [[nodiscard]] size_t n_body_bytes() const { return parser_.get().body().size(); }
  // The first header of this name, in any letter case, of what has come so far; empty without one.
  [[nodiscard]] std::string field(std::string_view name) const;
  // After `refused` or end().
  [[nodiscard]] Refusal refusal() const;
  // After `whole`; ends the reader.
  Received release();

 private:
  // Whether a request may begin with what is left.
  bool skip_empty_lines(boost::beast::flat_buffer& buffer);

  size_t max_header_bytes_;
  size_t max_body_bytes_;
  boost::beast::http::request_parser<GrowingBody> parser_;
  boost::system::error_code error_;
  int n_empty_lines_ = 0;
};

}  // namespace lode::server

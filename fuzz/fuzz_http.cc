// Bytes of a connection, whole and in pieces, to the reader of requests under small limits: it must neither crash nor
// hold more than the limits allow, and how the bytes were cut must not change what is read. The first byte says how
// long the pieces are.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <boost/beast/core/flat_buffer.hpp>

#include "server/http_reader.h"
#include "server/request_timeout.h"

namespace {

using lode::server::RequestReader;

constexpr size_t kMaxHeaderBytes = 512;
constexpr size_t kMaxBodyBytes = 256;

void require(bool holds) {
  if (!holds) std::abort();
}

void append(boost::beast::flat_buffer& buffer, const uint8_t* bytes, size_t n) {
  std::memcpy(buffer.prepare(n).data(), bytes, n);
  buffer.commit(n);
}

// All requests of the connection, one after the other, and how it ended.
std::string read_all(const uint8_t* bytes, size_t n_bytes, size_t n_piece) {
  std::string out;
  boost::beast::flat_buffer buffer;
  size_t at = 0;
  while (true) {
    RequestReader reader(kMaxHeaderBytes, kMaxBodyBytes);
    auto status = reader.read(buffer);
    while (status == RequestReader::Status::more || status == RequestReader::Status::wants_continue) {
      require(reader.n_body_bytes() <= kMaxBodyBytes);
      require(buffer.size() <= kMaxHeaderBytes);
      if (at == n_bytes) {
        reader.end();
        return out + "|" + std::to_string(reader.refusal().status);
      }
      const size_t n = std::min(n_piece, n_bytes - at);
      append(buffer, bytes + at, n);
      at += n;
      status = reader.read(buffer);
    }
    if (status == RequestReader::Status::refused) return out + "|" + std::to_string(reader.refusal().status);
    const lode::server::Received received = reader.release();
    require(received.request.body.size() <= kMaxBodyBytes);
    if (received.timeout) (void)lode::server::parse_timeout(*received.timeout);
    out += received.request.method + " " + received.request.target + " " + received.request.body + "\n";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t n_piece = size_t{1} + data[0] % 64;
  const std::string whole = read_all(data + 1, size - 1, size);
  const std::string pieces = read_all(data + 1, size - 1, n_piece);
  // A header of about the limit may be refused the one way and taken the other; what was read before it is the same.
  const std::string_view a = std::string_view(whole).substr(0, whole.rfind('|'));
  const std::string_view b = std::string_view(pieces).substr(0, pieces.rfind('|'));
  require(a.starts_with(b) || b.starts_with(a));
  return 0;
}

// The playground that `lode serve` answers a browser with at `/`, and its assets under /assets/: files that web/ builds
// into one pack, which is part of the binary. Makes whole answers: gzip where the client takes it, ETag and 304, one
// policy that forbids the page everything but its own server. Refuses nothing: a path that it does not know, another
// method than GET and HEAD, and everything in a build without web/ get no answer from here. Immutable, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/http.h"

namespace lode::server {

class Page {
 public:
  // What a build without web/ has: no assets.
  Page() = default;
  // The pack as web/pack.mjs writes it; a view of it is kept. Errors: corrupt.
  static Result<Page> parse(std::string_view pack);
  // The one that is part of this binary; empty where it was built without.
  static const Page& embedded();

  [[nodiscard]] bool empty() const { return assets_.empty(); }

  // The answer to a GET or HEAD of `/` (whoever calls has seen that the client takes text/html) or of an asset.
  [[nodiscard]] std::optional<Response> answer(const Request& request) const;

 private:
  struct Asset {
    std::string_view path;  // "/" or "/assets/index-4f2a.js"
    std::string_view type;
    std::string_view digest;  // of the plain bytes; what the ETag is made of
    std::string_view plain;
    std::string_view gzip;  // empty: not worth it
  };

  std::vector<Asset> assets_;
};

}  // namespace lode::server

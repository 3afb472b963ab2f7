#include "server/page.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

namespace lode::embedded {

std::string_view page_pack();  // made by cmake/embed.cmake where build/web/page.pack is

}  // namespace lode::embedded

namespace lode::server {

namespace {

constexpr std::string_view kMagic = "lode-page 1";

// The page needs its own script, style and server, and nothing else ever.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// What stands before `separator`; `text` keeps what stands behind it. Everything when there is none.
std::string_view take(std::string_view& text, char separator) {
  const size_t at = std::min(text.find(separator), text.size());
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return taken;
}

std::optional<size_t> number(std::string_view text) {
  size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// Calls `visit` with each element of the comma lists that the fields of this name carry.
template <class Visit>
void each_element(const Request& request, std::string_view name, Visit visit) {
  for (const Header& header : request.headers) {
    if (!same_word(header.name, name)) continue;
    for (std::string_view rest = header.value; !rest.empty();) visit(trimmed(take(rest, ',')));
  }
}

bool takes_gzip(const Request& request) {
  bool takes = false;
  each_element(request, "Accept-Encoding", [&takes](std::string_view element) {
    const std::string_view coding = trimmed(take(element, ';'));
    if (!same_word(coding, "gzip") && !same_word(coding, "x-gzip")) return;
    const std::string_view weight = trimmed(element);  // "q=0", "q=0.000" and the like refuse
    takes = !weight.starts_with("q=0") || weight.find_first_of("123456789") != std::string_view::npos;
  });
  return takes;
}

bool has_already(const Request& request, std::string_view etag) {
  bool has = false;
  each_element(request, "If-None-Match", [&has, etag](std::string_view element) {
    if (element.starts_with("W/")) element.remove_prefix(2);
    has = has || element == "*" || element == etag;
  });
  return has;
}

}  // namespace

Result<Page> Page::parse(std::string_view pack) {
  std::string_view rest = pack;
  const auto corrupt = [](std::string_view what) {
    return fail(Code::corrupt, fmt::format("the pack of the page {}", what), "Build web/ again.");
  };
  if (take(rest, '\n') != kMagic) return corrupt(fmt::format("does not begin with `{}`", kMagic));

  Page page;
  std::vector<std::pair<size_t, size_t>> sizes;  // plain and gzip, of each asset
  for (std::string_view line = take(rest, '\n'); !line.empty(); line = take(rest, '\n')) {
    Asset& asset = page.assets_.emplace_back();
    asset.path = take(line, '\t');
    asset.type = take(line, '\t');
    asset.digest = take(line, '\t');
    const auto n_plain = number(take(line, '\t'));
    const auto n_gzip = number(take(line, '\t'));
    if (!asset.path.starts_with('/') || asset.type.empty() || asset.digest.empty() || !n_plain || !n_gzip) {
      return corrupt(fmt::format("has no path, type, digest and two sizes in line {}", page.assets_.size() + 1));
    }
    sizes.emplace_back(*n_plain, *n_gzip);
  }
  if (sizes.empty()) return corrupt("names no asset");
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto [n_plain, n_gzip] = sizes[i];
    if (n_plain > rest.size() || n_gzip > rest.size() - n_plain) return corrupt("ends before its last asset does");
    page.assets_[i].plain = rest.substr(0, n_plain);
    page.assets_[i].gzip = rest.substr(n_plain, n_gzip);
    rest.remove_prefix(n_plain + n_gzip);
  }
  if (!rest.empty()) return corrupt(fmt::format("has {} bytes behind its last asset", rest.size()));
  return page;
}

const Page& Page::embedded() {
#ifdef LODE_PAGE
  static const Page page = [] {
    auto parsed = parse(embedded::page_pack());
    LODE_CHECK(parsed.has_value());
    return *std::move(parsed);
  }();
#else
  static const Page page;
#endif
  return page;
}

std::optional<Response> Page::answer(const Request& request) const {
  if (request.method != "GET" && request.method != "HEAD") return std::nullopt;
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find_first_of("?#"));
  const auto asset = std::ranges::find(assets_, path, &Asset::path);
  if (asset == assets_.end()) return std::nullopt;

  const bool zipped = !asset->gzip.empty() && takes_gzip(request);
  // A strong tag stands for bytes, and the two encodings have different ones.
  const std::string etag = fmt::format("\"{}{}\"", asset->digest, zipped ? "-gz" : "");
  // An asset's name holds its digest, so it never changes; the page that names them is asked for each time.
  const bool named_by_digest = asset->path.starts_with("/assets/");
  Response response{.content_type = std::string(asset->type),
                    .headers = {{"Cache-Control", named_by_digest ? "public, max-age=31536000, immutable" : "no-cache"},
                                {"ETag", etag},
                                {"Vary", named_by_digest ? "Accept-Encoding" : "Accept, Accept-Encoding"},
                                {"Content-Security-Policy", std::string(kPolicy)},
                                {"X-Content-Type-Options", "nosniff"},
                                {"Referrer-Policy", "no-referrer"}}};
  if (has_already(request, etag)) {
    response.status = 304;
    return response;
  }
  if (zipped) response.headers.push_back({"Content-Encoding", "gzip"});
  response.body = zipped ? asset->gzip : asset->plain;
  return response;
}

}  // namespace lode::server

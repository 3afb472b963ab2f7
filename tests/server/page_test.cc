#include "server/page.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A page of 14 bytes that shrinks to 4, and a script that is not worth zipping.
const std::string kPack =
    "lode-page 1\n/\ttext/html; charset=utf-8\tab12\t14\t4\n/assets/a-1f.js\ttext/javascript\tcd34\t5\t0\n\n"
    "<!doctype html\x1f\x8bzzplay(";

std::string header(const Response& response, std::string_view name) {
  std::string found;
  for (const Header& h : response.headers) {
    if (h.name == name) found += h.value;
  }
  return found;
}

class PageTest : public ::testing::Test {
 protected:
  Response get(const std::string& target, std::vector<Header> headers = {}) {
    auto response = page_.answer({.method = "GET", .target = target, .headers = std::move(headers)});
    EXPECT_TRUE(response.has_value()) << target;
    return response.value_or(Response{.status = 0});
  }

  const Page page_ = *Page::parse(kPack);
};

TEST_F(PageTest, KnowsItsPathsWhateverTheQueryAndNoOthers) {
  EXPECT_EQ(get("/").body, "<!doctype html");
  EXPECT_EQ(get("/?from=mail#top").body, "<!doctype html");
  EXPECT_EQ(get("/assets/a-1f.js").body, "play(");
  for (const char* target : {"", "/assets/", "/assets/../", "/assets/a-1f.jsx", "/v1", "//"}) {
    EXPECT_FALSE(page_.answer({.method = "GET", .target = target})) << target;
  }
  EXPECT_FALSE(page_.answer({.method = "POST", .target = "/"}));
  EXPECT_TRUE(page_.answer({.method = "HEAD", .target = "/"}));
}

TEST_F(PageTest, EveryAnswerForbidsThePageEverythingButItsServer) {
  for (const char* target : {"/", "/assets/a-1f.js"}) {
    const Response response = get(target);
    EXPECT_THAT(header(response, "Content-Security-Policy"), StartsWith("default-src 'none'; script-src 'self'; "));
    EXPECT_THAT(header(response, "Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
    EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer");
  }
}

TEST_F(PageTest, ZipsForWhoTakesItAndForNobodyElse) {
  for (const char* takes : {"gzip", "br, GZIP;q=0.5, *", "deflate,gzip", "x-gzip", "gzip; q=0.001"}) {
    const Response response = get("/", {{"accept-encoding", takes}});
    EXPECT_EQ(header(response, "Content-Encoding"), "gzip") << takes;
    EXPECT_EQ(response.body, "\x1f\x8bzz") << takes;
  }
  for (const char* takes : {"", "br", "gzip;q=0", "gzip; q=0.000", "identity", "notgzip"}) {
    const Response response = get("/", {{"Accept-Encoding", takes}});
    EXPECT_EQ(header(response, "Content-Encoding"), "") << takes;
    EXPECT_EQ(response.body, "<!doctype html") << takes;
  }
  EXPECT_EQ(get("/assets/a-1f.js", {{"Accept-Encoding", "gzip"}}).body, "play(");
  EXPECT_THAT(header(get("/"), "Vary"), HasSubstr("Accept-Encoding"));
}

TEST_F(PageTest, AnAssetIsKeptForeverAndThePageAskedForEachTime) {
  EXPECT_EQ(header(get("/"), "Cache-Control"), "no-cache");
  EXPECT_THAT(header(get("/assets/a-1f.js"), "Cache-Control"), HasSubstr("immutable"));
}

TEST_F(PageTest, WhatTheClientHasIsNotSentAgain) {
  EXPECT_EQ(header(get("/"), "ETag"), "\"ab12\"");
  for (const char* has : {"\"ab12\"", "W/\"ab12\"", "\"other\", \"ab12\"", "*"}) {
    const Response response = get("/", {{"If-None-Match", has}});
    EXPECT_EQ(response.status, 304) << has;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(header(response, "ETag"), "\"ab12\"");
  }
  EXPECT_EQ(get("/", {{"If-None-Match", "\"cd34\""}}).status, 200);
  // The plain bytes in the cache do not stand for the zipped ones.
  const Response zipped = get("/", {{"If-None-Match", "\"ab12\""}, {"Accept-Encoding", "gzip"}});
  EXPECT_EQ(zipped.status, 200);
  EXPECT_EQ(header(zipped, "ETag"), "\"ab12-gz\"");
}

TEST(PagePack, ADamagedPackIsRefusedWithWhatIsWrong) {
  for (size_t n = 0; n < kPack.size(); ++n) EXPECT_FALSE(Page::parse(std::string_view(kPack).substr(0, n))) << n;
  EXPECT_THAT(Page::parse(kPack + "x").error().message, HasSubstr("1 bytes behind its last asset"));
  EXPECT_THAT(Page::parse("lode-page 2\n\n").error().message, HasSubstr("does not begin with `lode-page 1`"));
  EXPECT_THAT(Page::parse("lode-page 1\n/\ttext/html\tab\t-1\t0\n\n").error().message, HasSubstr("in line 2"));
  EXPECT_THAT(Page::parse("lode-page 1\n/\tt\ta\t18446744073709551615\t18446744073709551615\n\nx").error().message,
              HasSubstr("ends before"));
}

TEST(PagePack, ABuildWithoutThePageAnswersNothing) {
  EXPECT_TRUE(Page().empty());
  EXPECT_FALSE(Page().answer({.method = "GET", .target = "/"}));
  // Whether this binary was built with it or not, what it has is whole.
  EXPECT_EQ(Page::embedded().empty(), !Page::embedded().answer({.method = "GET", .target = "/"}).has_value());
}

}  // namespace
}  // namespace lode::server

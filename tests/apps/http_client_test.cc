#include "apps/http_client.h"

#include <gtest/gtest.h>

namespace lode::apps {
namespace {

TEST(HttpClient, NamesTheHostOfAnAddress) {
  EXPECT_EQ(host_of("https://hub.example/a/b"), "hub.example");
  EXPECT_EQ(host_of("http://127.0.0.1:8080/"), "127.0.0.1:8080");
  EXPECT_EQ(host_of("https://user:secret@Hub.Example:443/"), "hub.example");
  EXPECT_EQ(host_of("nonsense with spaces"), "nonsense with spaces");
}

TEST(HttpClient, EncodesPathsButNotTheirSlashes) {
  EXPECT_EQ(encode_path("1_Pooling/config.json"), "1_Pooling/config.json");
  EXPECT_EQ(encode_path("a b?c#d%e/\xc3\xa9"), "a%20b%3Fc%23d%25e/%C3%A9");
}

}  // namespace
}  // namespace lode::apps

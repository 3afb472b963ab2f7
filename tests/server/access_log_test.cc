#include "server/access_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace lode::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

Json parsed(const AccessEntry& entry) {
  return Json::parse("{" + access_json(entry) + "}");
}

Exchange full() {
  return {.request_id = "req_1",
          .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          .key_name = "search",
          .route = "/v1/embeddings",
          .model = "nvidia/nv-embed-v1",
          .error = "",
          .n_inputs = 2,
          .n_tokens = 9,
          .n_truncated = 1,
          .tokenize_s = 0.001,
          .queue_s = 0.002,
          .compute_s = 0.0035,
          .format_s = 0.0004};
}

TEST(AccessLog, AJsonLineHoldsEverythingKnownOfTheRequest) {
  const Exchange exchange = full();
  const Json line = parsed({.exchange = exchange,
                            .method = "POST",
                            .path = "/v1/embeddings",
                            .peer = "127.0.0.1:5",
                            .tls_subject = "CN=app",
                            .status = 200,
                            .total_s = 0.0081,
                            .write_s = 0.0002,
                            .n_bytes_in = 30,
                            .n_bytes_out = 400});
  EXPECT_EQ(line, Json::parse(R"({"request_id":"req_1",
      "traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","peer":"127.0.0.1:5","tls_subject":"CN=app",
      "key":"search","method":"POST","path":"/v1/embeddings","status":200,"total_ms":8.1,"queue_ms":2.0,"tokenize_ms":1.0,
      "compute_ms":3.5,"format_ms":0.4,"write_ms":0.2,"inputs":2,"tokens":9,"truncated":1,"bytes_in":30,"bytes_out":400,
      "model":"nvidia/nv-embed-v1"})"));
}

TEST(AccessLog, FieldsThatDoNotApplyAreLeftOut) {
  const Exchange exchange{.request_id = "r", .error = "route_not_found"};
  const Json line =
      parsed({.exchange = exchange, .method = "GET", .path = "/x", .peer = "p:1", .status = 404, .aborted = true});
  EXPECT_EQ(line, Json::parse(R"({"request_id":"r","peer":"p:1","method":"GET","path":"/x","status":404,"total_ms":0.0,
      "write_ms":0.0,"bytes_in":0,"bytes_out":0,"error":"route_not_found","aborted":true})"));
}

TEST(AccessLog, WhatAClientSentCannotForgeALineNorDriveATerminal) {
  const Exchange exchange{.request_id = "a\"b\\c"};
  const std::string path = "/\n{\"status\":200}\x1b[2J\xff\xc2\x9b \x7f";
  const AccessEntry entry{.exchange = exchange, .method = "GE\tT", .path = path, .status = 404};
  const std::string json = access_json(entry);
  for (const char c : json) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  EXPECT_EQ(Json::parse("{" + json + "}")["status"], 404);
  EXPECT_EQ(Json::parse("{" + json + "}")["request_id"], "a\"b\\c");
  const std::string text = access_text(entry);
  for (const char c : text) EXPECT_TRUE(c >= 0x20 && c < 0x7F) << text;
  EXPECT_THAT(text, HasSubstr(R"(GE\x09T /\x0a{"status":200}\x1b[2J\xff\xc2\x9b\x20\x7f 404)"));
}

TEST(AccessLog, LongFieldsAreCut) {
  const Exchange exchange;
  const std::string path(30'000, 'x');
  EXPECT_LT(access_json({.exchange = exchange, .path = path}).size(), 1000U);
  EXPECT_LT(access_text({.exchange = exchange, .path = path}).size(), 1000U);
}

TEST(AccessLog, ATextLineIsForReaders) {
  const Exchange exchange = full();
  EXPECT_EQ(access_text({.exchange = exchange,
                         .method = "POST",
                         .path = "/v1/embeddings",
                         .peer = "127.0.0.1:5",
                         .status = 200,
                         .total_s = 0.0081,
                         .write_s = 0.0002,
                         .n_bytes_in = 30,
                         .n_bytes_out = 400}),
            "POST /v1/embeddings 200 8.1 ms (tokenize 1.0, queue 2.0, compute 3.5, format 0.4, write 0.2) 2 inputs "
            "9 tokens 1 truncated 30 bytes in 400 out model=nvidia/nv-embed-v1 key=search peer=127.0.0.1:5 id=req_1 "
            "trace=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

TEST(AccessLog, IsOneLineOnStderrInTheFormAskedFor) {
  const Exchange exchange{.request_id = "req_7"};
  const auto written = [&](bool json, bool quiet) {
    log::set_json(json);
    testing::internal::CaptureStderr();
    log_access({.exchange = exchange, .method = "GET", .path = "/", .status = 200, .quiet = quiet});
    log::set_json(false);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(Json::parse(written(/*json=*/true, /*quiet=*/false))["request_id"], "req_7");
  EXPECT_THAT(written(/*json=*/false, /*quiet=*/false), HasSubstr("GET / 200 0.0 ms"));
  EXPECT_EQ(written(/*json=*/true, /*quiet=*/true), "") << "probes are for level debug";
  log::set_level(log::Level::debug);
  EXPECT_EQ(Json::parse(written(/*json=*/true, /*quiet=*/true))["level"], "debug");
  log::set_level(log::Level::info);
}

}  // namespace
}  // namespace lode::server

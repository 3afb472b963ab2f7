#include "server/metrics.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "exposition.h"

namespace lode::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Exposition scrape(Metrics& metrics) {
  Exposition exposition = read_exposition(metrics.text());
  EXPECT_EQ(exposition.error, "");
  return exposition;
}

Exchange answered(const std::string& model) {
  return {.route = "/v1/embeddings",
          .model = model,
          .n_inputs = 3,
          .n_tokens = 40,
          .n_truncated = 1,
          .n_empty = 2,
          .tokenize_s = 0.001,
          .queue_s = 0.002,
          .compute_s = 0.25,
          .format_s = 0.0005};
}

TEST(ExpositionReader, SeesWhatIsWrong) {
  const std::string head = "# HELP a_total x\n# TYPE a_total counter\n";
  EXPECT_EQ(read_exposition(head + "a_total{x=\"\\\"\\\\\\n,}\"} 1\n").error, "");
  for (const char* wrong :
       {"a_total 1", "a_total one\n", "a_total{x=\"1} 1\n", "a_total{x=1} 1\n", "b_total 1\n", "a_total 1\na_total 2\n",
        "a_total{x=\"\\q\"} 1\n", "a_total  1\n", "1a 1\n", "a_total -1\n"}) {
    EXPECT_NE(read_exposition(head + wrong).error, "") << wrong;
  }
  EXPECT_NE(read_exposition("a 1\n").error, "");
  const std::string histogram = "# HELP h x\n# TYPE h histogram\nh_count 2\nh_sum 1\nh_bucket{le=\"1\"} ";
  EXPECT_EQ(read_exposition(histogram + "1\nh_bucket{le=\"+Inf\"} 2\n").error, "");
  EXPECT_NE(read_exposition(histogram + "3\nh_bucket{le=\"+Inf\"} 2\n").error, "");
  EXPECT_NE(read_exposition(histogram + "1\nh_bucket{le=\"+Inf\"} 3\n").error, "");
  EXPECT_NE(read_exposition(histogram + "2\n").error, "");
}

TEST(Metrics, EverythingIsThereAtZeroBeforeTheFirstRequest) {
  Metrics metrics({.version = "1.2.3", .isa = "avx2"});
  metrics.add_model("nvidia/nv-embed-v1", 12.5, {.max_tokens = 1000, .max_requests = 10},
                    [] { return embed::QueueState{}; });
  const Exposition seen = scrape(metrics);
  for (const char* series : {
           R"(lode_requests_total{method="POST",route="/v1/embeddings",status="200"})",
           R"(lode_requests_total{method="POST",route="/v1/embeddings",status="429"})",
           R"(lode_requests_total{method="GET",route="/v1/models",status="401"})",
           R"(lode_requests_total{method="other",route="other",status="404"})",
           R"(lode_request_duration_seconds_count{route="/v1/embeddings"})",
           "lode_request_queue_seconds_count",
           "lode_request_tokenize_seconds_count",
           "lode_request_compute_seconds_count",
           "lode_request_format_seconds_count",
           "lode_request_write_seconds_count",
           R"(lode_tokens_total{model="nvidia/nv-embed-v1"})",
           R"(lode_inputs_total{model="nvidia/nv-embed-v1"})",
           R"(lode_truncated_inputs_total{model="nvidia/nv-embed-v1"})",
           R"(lode_empty_inputs_total{model="nvidia/nv-embed-v1"})",
           R"(lode_errors_total{reason="model_not_found"})",
           R"(lode_errors_total{reason="other"})",
           R"(lode_http_refused_total{status="431"})",
           R"(lode_pass_duration_seconds_count{model="nvidia/nv-embed-v1"})",
           R"(lode_pass_tokens_count{model="nvidia/nv-embed-v1"})",
           R"(lode_pass_fill_ratio_count{model="nvidia/nv-embed-v1"})",
           R"(lode_pass_requests_count{model="nvidia/nv-embed-v1"})",
           R"(lode_queue_tokens{model="nvidia/nv-embed-v1"})",
           R"(lode_queue_requests{model="nvidia/nv-embed-v1"})",
           "lode_connections",
       }) {
    EXPECT_EQ(seen.value(series), 0.0) << series;
  }
  EXPECT_EQ(seen.value(R"(lode_queue_limit_tokens{model="nvidia/nv-embed-v1"})"), 1000.0);
  EXPECT_EQ(seen.value(R"(lode_queue_limit_requests{model="nvidia/nv-embed-v1"})"), 10.0);
  EXPECT_EQ(seen.value(R"(lode_model_load_seconds{model="nvidia/nv-embed-v1"})"), 12.5);
  EXPECT_EQ(seen.value(R"(lode_build_info{isa="avx2",version="1.2.3"})"), 1.0);
  EXPECT_GT(seen.value("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(seen.value("process_virtual_memory_bytes"), seen.value("process_resident_memory_bytes"));
  EXPECT_GE(seen.value("process_open_fds"), 3.0);
  EXPECT_GE(seen.value("process_threads"), 1.0);
  EXPECT_NEAR(*seen.value("process_start_time_seconds"), static_cast<double>(std::time(nullptr)), 3600);
}

TEST(Metrics, ARequestIsCountedUnderItsRouteModelAndParts) {
  Metrics metrics;
  metrics.add_model("m", 1, {}, {});
  metrics.on_request(answered("m"), {.method = "POST", .status = 200, .total_s = 0.3, .write_s = 0.0001});
  const Exposition seen = scrape(metrics);
  EXPECT_EQ(seen.value(R"(lode_requests_total{method="POST",route="/v1/embeddings",status="200"})"), 1.0);
  EXPECT_EQ(seen.value(R"(lode_request_duration_seconds_bucket{route="/v1/embeddings",le="0.25"})"), 0.0);
  EXPECT_EQ(seen.value(R"(lode_request_duration_seconds_bucket{route="/v1/embeddings",le="0.5"})"), 1.0);
  EXPECT_NEAR(*seen.value("lode_request_queue_seconds_sum"), 0.002, 1e-9);
  EXPECT_NEAR(*seen.value("lode_request_tokenize_seconds_sum"), 0.001, 1e-9);
  EXPECT_NEAR(*seen.value("lode_request_compute_seconds_sum"), 0.25, 1e-9);
  EXPECT_NEAR(*seen.value("lode_request_format_seconds_sum"), 0.0005, 1e-9);
  EXPECT_NEAR(*seen.value("lode_request_write_seconds_sum"), 0.0001, 1e-9);
  EXPECT_EQ(seen.value(R"(lode_tokens_total{model="m"})"), 40.0);
  EXPECT_EQ(seen.value(R"(lode_inputs_total{model="m"})"), 3.0);
  EXPECT_EQ(seen.value(R"(lode_truncated_inputs_total{model="m"})"), 1.0);
  EXPECT_EQ(seen.value(R"(lode_empty_inputs_total{model="m"})"), 2.0);
}

TEST(Metrics, RefusedAndAbortedRequestsCountAsErrorsAndNotAsTexts) {
  Metrics metrics;
  metrics.add_model("m", 1, {}, {});
  Exchange refused = answered("m");
  refused.error = "context_length_exceeded";
  metrics.on_request(refused, {.method = "POST", .status = 400});
  metrics.on_request({}, {.method = "GET", .status = 503});
  metrics.on_request(answered("m"), {.method = "POST", .status = 200, .whole = false});
  metrics.on_http_refused(431);
  metrics.on_http_refused(418);
  const Exposition seen = scrape(metrics);
  EXPECT_EQ(seen.value(R"(lode_errors_total{reason="context_length_exceeded"})"), 1.0);
  EXPECT_EQ(seen.value(R"(lode_errors_total{reason="unavailable"})"), 1.0);
  EXPECT_EQ(seen.value(R"(lode_errors_total{reason="aborted"})"), 1.0);
  EXPECT_EQ(seen.value(R"(lode_inputs_total{model="m"})"), 3.0) << "of the one that was computed";
  EXPECT_EQ(seen.value(R"(lode_http_refused_total{status="431"})"), 1.0);
  EXPECT_EQ(seen.value(R"(lode_http_refused_total{status="other"})"), 1.0);
}

// The codes of errors that the sources of the server name, wherever they give one.
std::set<std::string> codes_in_sources() {
  const auto folder = std::filesystem::path(LODE_SOURCE_DIR) / "src/server";
  const std::regex place(
      R"re((\bviolates\(|\breason = |\berror = |\.type = |\brefuse\(\d+, [\w:]+, )([^,;}]*)[,;}])re");
  const std::regex word(R"re("([a-z]+(_[a-z]+)*)")re");
  std::set<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".cc") continue;
    std::ifstream file(entry.path());
    const std::string source(std::istreambuf_iterator<char>(file), {});
    for (std::sregex_iterator at(source.begin(), source.end(), place), end; at != end; ++at) {
      const std::string given = (*at)[2];
      for (std::sregex_iterator one(given.begin(), given.end(), word); one != end; ++one) out.insert((*one)[1]);
    }
  }
  return out;
}

TEST(Metrics, EveryCodeThatTheServerCanAnswerIsCountedByItsName) {
  std::set<std::string> codes = codes_in_sources();
  EXPECT_GT(codes.size(), 25U);
  EXPECT_TRUE(codes.contains("less_than_equal") && codes.contains("no_index") && codes.contains("origin_not_allowed"));
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    codes.emplace(code_name(static_cast<Code>(code)));
  }
  codes.erase("tls_required");  // of what is refused before it is a request
  Metrics metrics;
  for (const std::string& code : codes) {
    metrics.on_request({.error = code}, {.method = "POST", .status = 400});
  }
  const Exposition seen = scrape(metrics);
  for (const std::string& code : codes) {
    EXPECT_EQ(seen.value(fmt::format(R"(lode_errors_total{{reason="{}"}})", code)), 1.0) << code;
  }
  EXPECT_EQ(seen.value(R"(lode_errors_total{reason="other"})"), 0.0);
}

TEST(Metrics, WhatClientsMakeUpAddsNoSeries) {
  Metrics metrics;
  metrics.on_request({.route = "/x"}, {.method = "BREW", .status = 999});
  const size_t n_series = scrape(metrics).samples.size();
  for (int i = 0; i < 100; ++i) {
    const std::string made_up = "\"}\n" + std::to_string(i);
    metrics.on_request({.route = made_up, .model = made_up, .error = made_up}, {.method = made_up, .status = 600 + i});
  }
  const Exposition seen = scrape(metrics);
  EXPECT_EQ(seen.samples.size(), n_series);
  EXPECT_EQ(seen.value(R"(lode_requests_total{method="other",route="other",status="other"})"), 101.0);
}

TEST(Metrics, NamesOfModelsAreEscaped) {
  Metrics metrics;
  metrics.add_model("a\"b\\c\nd", 1, {}, {});
  EXPECT_EQ(scrape(metrics).value(R"(lode_model_load_seconds{model="a\"b\\c\nd"})"), 1.0);
}

TEST(Metrics, QueuesAndConnectionsAreAskedAtTheScrape) {
  Metrics metrics;
  embed::QueueState state{.waiting_tokens = 5, .waiting_requests = 2};
  metrics.add_model("m", 1, {}, [&] { return state; });
  metrics.set_connections([] { return 17; });
  EXPECT_EQ(scrape(metrics).value(R"(lode_queue_tokens{model="m"})"), 5.0);
  state.waiting_tokens = 0;
  const Exposition seen = scrape(metrics);
  EXPECT_EQ(seen.value(R"(lode_queue_tokens{model="m"})"), 0.0);
  EXPECT_EQ(seen.value(R"(lode_queue_requests{model="m"})"), 2.0);
  EXPECT_EQ(seen.value("lode_connections"), 17.0);
}

TEST(Metrics, APassIsSeenWithItsFillOfTheBudget) {
  Metrics metrics;
  metrics.add_model("m", 1, {}, {});
  metrics.on_pass({.model = "m", .n_tokens = 512, .n_requests = 4, .budget_tokens = 1024, .seconds = 0.125});
  metrics.on_pass({.model = "unknown", .n_tokens = 1});
  const Exposition seen = scrape(metrics);
  EXPECT_EQ(seen.value(R"(lode_pass_tokens_sum{model="m"})"), 512.0);
  EXPECT_EQ(seen.value(R"(lode_pass_fill_ratio_sum{model="m"})"), 0.5);
  EXPECT_EQ(seen.value(R"(lode_pass_requests_sum{model="m"})"), 4.0);
  EXPECT_EQ(seen.value(R"(lode_pass_duration_seconds_sum{model="m"})"), 0.125);
}

TEST(Metrics, NothingIsLostWhenManyCountAndOneScrapes) {
  Metrics metrics;
  metrics.add_model("m", 1, {}, {});
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 300; ++i) metrics.on_request(answered("m"), {.method = "PUT", .status = 400 + i % 30});
        for (int i = 0; i < 300; ++i) metrics.on_request(answered("m"), {.method = "POST", .status = 200});
      });
    }
    for (int i = 0; i < 10; ++i) EXPECT_EQ(read_exposition(metrics.text()).error, "");
  }
  const Exposition seen = scrape(metrics);
  EXPECT_EQ(seen.value(R"(lode_requests_total{method="POST",route="/v1/embeddings",status="200"})"), 900.0);
  EXPECT_EQ(seen.value(R"(lode_request_duration_seconds_count{route="/v1/embeddings"})"), 1800.0);
  EXPECT_EQ(seen.value(R"(lode_tokens_total{model="m"})"), 36000.0);
}

}  // namespace
}  // namespace lode::server

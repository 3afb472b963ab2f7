#include "apps/nim_variables.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lode::apps {
namespace {

// Each test starts and ends without any of the variables.
class NimVariables : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const std::string& name : set_) ::unsetenv(name.c_str());
    for (const char* name :
         {"LODE_HOST", "LODE_PORT", "LODE_SERVED_MODEL_NAME", "LODE_MAX_QUEUE_REQUESTS", "LODE_LOG_LEVEL",
          "LODE_LOG_FORMAT", "LODE_TLS_CERT", "LODE_TLS_KEY", "LODE_TLS_CLIENT_CA", "LODE_MAX_LENGTH"}) {
      ::unsetenv(name);
    }
  }
  void set(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }
  static std::string get(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  }

 private:
  std::vector<std::string> set_;
};

TEST_F(NimVariables, SetOursWhereOursAreNotSet) {
  set("NIM_SERVED_MODEL_NAME", "nvidia/x,y");
  set("NIM_TRITION_MAX_QUEUE_SIZE", "7");
  set("NIM_LOG_LEVEL", "CRITICAL");
  set("NIM_JSONL_LOGGING", "1");
  set("NIM_TRITON_MAX_SEQ_LENGTH", "512");
  set("LODE_MAX_LENGTH", "100");
  adopt_nim_variables();
  EXPECT_EQ(get("LODE_SERVED_MODEL_NAME"), "nvidia/x,y");
  EXPECT_EQ(get("LODE_MAX_QUEUE_REQUESTS"), "7");
  EXPECT_EQ(get("LODE_LOG_LEVEL"), "error");
  EXPECT_EQ(get("LODE_LOG_FORMAT"), "json");
  EXPECT_EQ(get("LODE_MAX_LENGTH"), "100");
  EXPECT_EQ(variable_as_set("LODE_MAX_QUEUE_REQUESTS"), "NIM_TRITION_MAX_QUEUE_SIZE");
  EXPECT_EQ(variable_as_set("LODE_MAX_LENGTH"), "LODE_MAX_LENGTH");
}

TEST_F(NimVariables, AnAddressIsHostAndPort) {
  const struct {
    const char* value;
    const char* host;
    const char* port;
  } kCases[] = {
      {"0.0.0.0:8000", "0.0.0.0", "8000"}, {"[::]:8001", "::", "8001"}, {"::1", "::1", ""}, {"[::1]", "::1", ""},
      {"localhost", "localhost", ""},      {":9000", "", "9000"}};
  for (const auto& one : kCases) {
    set("NIM_BIND_ADDR", one.value);
    adopt_nim_variables();
    EXPECT_EQ(get("LODE_HOST"), one.host) << one.value;
    EXPECT_EQ(get("LODE_PORT"), one.port) << one.value;
    TearDown();
  }
}

TEST_F(NimVariables, TheNewerAddressWinsAndAPortAloneIsAPort) {
  set("NIM_SERVER_BIND_ADDR", "1.2.3.4:1");
  set("NIM_BIND_ADDR", "5.6.7.8:2");
  set("NIM_HTTP_API_PORT", "3");
  adopt_nim_variables();
  EXPECT_EQ(get("LODE_HOST"), "1.2.3.4");
  EXPECT_EQ(get("LODE_PORT"), "3");
}

TEST_F(NimVariables, TlsFollowsItsSwitch) {
  set("NIM_SSL_CERT_PATH", "/c");
  set("NIM_SSL_KEY_PATH", "/k");
  set("NIM_SSL_CA_CERTS_PATH", "/a");
  set("NIM_SSL_MODE", "DISABLED");
  adopt_nim_variables();
  EXPECT_EQ(get("LODE_TLS_CERT"), "");
  set("NIM_SSL_MODE", "TLS");
  adopt_nim_variables();
  EXPECT_EQ(get("LODE_TLS_CERT"), "/c");
  EXPECT_EQ(get("LODE_TLS_CLIENT_CA"), "");
  set("NIM_SSL_MODE", "MTLS");
  adopt_nim_variables();
  EXPECT_EQ(get("LODE_TLS_CLIENT_CA"), "/a");
}

TEST_F(NimVariables, ThoseWithoutUseAreNamed) {
  set("NIM_MAX_WAIT_MS", "1");
  EXPECT_THAT(idle_nim_variables(), ::testing::ElementsAre("NIM_MAX_WAIT_MS"));
}

}  // namespace
}  // namespace lode::apps

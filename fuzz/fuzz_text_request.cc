// Any bytes as the body of POST /v1/tokenize and of POST /v1/similarity: they are a request within its limits, or an
// error body that is JSON, in both styles.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "server/text_request.h"

namespace {

using namespace lode;
using namespace lode::server;

constexpr size_t kMaxInputs = 8;

void check_refusal(const ApiError& error) {
  for (const ErrorStyle style : {ErrorStyle::openai, ErrorStyle::nim}) {
    const Response response = error_response(error, style);
    LODE_CHECK(response.status == 400);
    const auto body = json::Document::parse(response.body, "error body");
    LODE_CHECK(body.has_value());
    const auto inner = body->root().find("error");
    LODE_CHECK(inner && inner->is(style == ErrorStyle::nim ? json::Kind::string : json::Kind::object));
    LODE_CHECK(body->root().find("detail")->is(json::Kind::object));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto tokenize = parse_tokenize_request(body, kMaxInputs)) {
    LODE_CHECK(!tokenize->inputs.empty() && tokenize->inputs.size() <= kMaxInputs);
    LODE_CHECK(!tokenize->instruction || !tokenize->task);
  } else {
    check_refusal(tokenize.error());
  }
  if (const auto similarity = parse_similarity_request(body, kMaxInputs)) {
    LODE_CHECK(!similarity->queries.empty() && !similarity->passages.empty());
    LODE_CHECK(similarity->queries.size() <= kMaxInputs && similarity->passages.size() <= kMaxInputs);
    LODE_CHECK(!similarity->query_instruction || !similarity->task);
  } else {
    check_refusal(similarity.error());
  }
  return 0;
}

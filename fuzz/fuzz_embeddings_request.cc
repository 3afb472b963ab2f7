// Any bytes as the body of POST /v1/embeddings, in each mode of the server: they are a request whose every field is in
// its range, or an error body that is JSON with the fields that clients read.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "server/embedding_response.h"

namespace {

using namespace lode;
using namespace lode::server;

void check_refusal(const ApiError& error) {
  const Response response = error_response(error);
  LODE_CHECK(response.status == 400);
  const auto body = json::Document::parse(response.body, "error body");
  LODE_CHECK(body.has_value());
  const auto inner = body->root().find("error");
  LODE_CHECK(inner && inner->find("message") && !inner->find("message")->as_string()->empty());
  for (const char* key : {"type", "param", "code"}) LODE_CHECK(inner->find(key).has_value());
  LODE_CHECK(body->root().find("message")->as_string().has_value());
  LODE_CHECK(body->root().find("detail")->is(json::Kind::object));
}

void check_request(const EmbeddingRequest& request, size_t body_size) {
  LODE_CHECK(request.inputs.empty() != request.token_ids.empty() && request.n_inputs() <= RequestLimits().max_inputs);
  LODE_CHECK(!request.instruction || !request.task);
  size_t n_bytes = 0;
  for (const std::string& text : request.inputs) n_bytes += text.size();
  LODE_CHECK(n_bytes <= body_size);  // an escape is never shorter than what it stands for
  // The texts and names that came out can be said in an answer.
  for (const std::string& text : request.inputs) {
    LODE_CHECK(json::Document::parse(json::quote(text), "text").has_value());
    if (text.size() > 100) break;
  }
  for (const auto& ids : request.token_ids) LODE_CHECK(!ids.empty());
  const std::vector<float> vectors(request.n_inputs() * 2, 0.5F);
  const auto answer = embedding_response(vectors, 2, {request.encoding, request.element_type}, request.model, 1);
  LODE_CHECK(answer.has_value());
  const auto body = json::Document::parse(*answer, "answer");
  LODE_CHECK(body && body->root().find("data")->size() == request.n_inputs());
  LODE_CHECK(body->root().find("model")->as_string() == request.model);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const RequestLimits& limits : {RequestLimits{}, RequestLimits{.strict_nim = true, .allow_dimensions = false},
                                      RequestLimits{.accept_token_ids = true}}) {
    const auto request = parse_embedding_request({reinterpret_cast<const char*>(data), size}, limits);
    if (request) {
      check_request(*request, size);
    } else {
      check_refusal(request.error());
    }
  }
  return 0;
}

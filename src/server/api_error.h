// What an API client gets when something is wrong: one table from Code to HTTP status, and bodies that both client
// families understand. OpenAI's clients read error.message, error.type, error.param and error.code; NIM's read the
// top-level object, message and detail. `detail` is a string or an object, or absent (clients search in it). Stateless;
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/http.h"

namespace lode::server {

// Where a request body breaks the schema, in the terms of NIM's validation errors.
struct Violation {
  std::string type;                   // "literal_error", "string_type", "missing", "json_invalid" ...
  std::vector<std::string> location;  // {"input", "3"}: path inside the body
  std::string expected;               // "Input should be 'float' or 'base64'"
  std::string seen;                   // JSON text of the offending value; empty when it is missing
  std::string choices{};              // "'float' or 'base64'" where a choice is expected
};

struct ApiError {
  Code code = Code::internal;
  std::string message;
  std::string hint{};
  std::string reason{};                  // machine-readable, "model_not_found"; empty: null
  std::string param{};                   // field of the request; empty: null
  std::optional<Violation> violation{};  // where the body breaks the schema, if it does
};

// The table of codes.
int http_status(Code code);

// The machine-readable reason: `reason`, or the code's own name.
std::string_view reason_of(const ApiError& error);

ApiError to_api_error(const Error& error);
ApiError schema_error(Violation violation);

// openai: "error" is an object with OpenAI's four keys, whose message carries NIM's words. nim: "error" is NIM's string
// and OpenAI's other keys stand beside it. NIM's other keys are in both.
enum class ErrorStyle : uint8_t { openai, nim };

Response error_response(const ApiError& error, ErrorStyle style = ErrorStyle::openai);
// For refusals that have no Code of their own: 405, 408, 431.
Response error_response(int status, const ApiError& error, ErrorStyle style = ErrorStyle::openai);

}  // namespace lode::server

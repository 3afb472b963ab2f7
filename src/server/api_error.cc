#include "server/api_error.h"

#include <cstddef>
#include <utility>

#include <nlohmann/json.hpp>

namespace lode::server {

namespace {

constexpr std::string_view kSchemaMessage = "Your request cannot be validated, it is incorrect.";

std::string_view error_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 429: return "rate_limit_error";
    case 503: return "service_unavailable_error";
    default: return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

bool is_index(const std::string& part) {
  return !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == std::string::npos;
}

// A list index is a number in the location, a field name is a string. The first part is a field of the body, which is
// an object: an unknown one may be called "5".
nlohmann::ordered_json location_json(const std::vector<std::string>& location) {
  auto json = nlohmann::ordered_json::array({"body"});
  for (size_t i = 0; i < location.size(); ++i) {
    if (i > 0 && is_index(location[i])) {
      json.push_back(std::stoi(location[i]));
    } else {
      json.push_back(location[i]);
    }
  }
  return json;
}

nlohmann::ordered_json violation_json(const Violation& violation) {
  nlohmann::ordered_json json;
  json["type"] = violation.type;
  json["loc"] = location_json(violation.location);
  json["msg"] = violation.expected;
  // What was seen may be cut short for the message, so it need not be JSON any more.
  auto seen = nlohmann::ordered_json::parse(violation.seen, nullptr, /*allow_exceptions=*/false);
  json["input"] = seen.is_discarded() ? nlohmann::ordered_json(violation.seen) : std::move(seen);
  if (violation.seen.empty()) json["input"] = nullptr;
  if (!violation.choices.empty()) json["ctx"]["expected"] = violation.choices;
  return json;
}

nlohmann::ordered_json null_if_empty(const std::string& text) {
  return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

}  // namespace

int http_status(Code code) {
  switch (code) {
    case Code::invalid_argument:
    case Code::unsupported:
    case Code::too_long: return 400;
    case Code::permission: return 401;
    case Code::not_found: return 404;
    case Code::too_large: return 413;
    case Code::overloaded: return 429;
    case Code::cancelled: return 499;  // who asked is gone; for the log
    case Code::unavailable: return 503;
    case Code::deadline: return 504;
    case Code::corrupt:
    case Code::io:
    case Code::internal: return 500;
  }
  return 500;
}

ApiError to_api_error(const Error& error) {
  ApiError api{.code = error.code, .message = error.message, .hint = error.hint};
  if (error.code == Code::too_long) {
    api.reason = "context_length_exceeded";
    api.param = "input";
  }
  return api;
}

ApiError schema_error(Violation violation) {
  std::string where;
  for (const std::string& part : violation.location) where += (where.empty() ? "" : ".") + part;
  ApiError error{.code = Code::invalid_argument, .message = std::string(kSchemaMessage)};
  error.hint = (where.empty() ? "" : where + ": ") + violation.expected;
  if (!violation.seen.empty()) error.hint += ", not " + violation.seen;
  error.hint += '.';
  error.reason = violation.type;
  if (!violation.location.empty()) error.param = violation.location.front();
  error.violation = std::move(violation);
  return error;
}

std::string_view reason_of(const ApiError& error) {
  return error.reason.empty() ? code_name(error.code) : std::string_view(error.reason);
}

Response error_response(const ApiError& error, ErrorStyle style) {
  return error_response(http_status(error.code), error, style);
}

Response error_response(int status, const ApiError& error, ErrorStyle style) {
  const std::string line = Error{error.code, error.message, error.hint}.line();
  nlohmann::ordered_json body;
  if (style == ErrorStyle::openai) {
    body["error"] = {{"message", line},
                     {"type", error_type(status)},
                     {"param", null_if_empty(error.param)},
                     {"code", reason_of(error)}};
  } else {
    // A schema's message says nothing without the place; the others are NIM's words as they are.
    body["error"] = error.violation ? line : error.message;
  }
  body["object"] = "error";
  body["message"] = error.message;
  if (error.violation) {
    body["detail"] = violation_json(*error.violation);
    body["type"] = "request_validation_error";
  } else if (!error.hint.empty()) {
    body["detail"] = error.hint;
  }
  if (style == ErrorStyle::nim) {
    if (!error.violation) body["type"] = error_type(status);
    body["param"] = null_if_empty(error.param);
    body["code"] = reason_of(error);
  }
  Response response{.status = status};
  // Queues empty in about a batch time; clients that honour the header come back then and not at once.
  if (status == 429 || status == 503) response.headers.push_back({"Retry-After", "1"});
  response.body = body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  return response;
}

}  // namespace lode::server

// Any bytes as lines of the Model Context Protocol: every answer is one line of JSON-RPC, and nothing is said to what
// is no request. No index stands behind it, so every call of a tool ends in its arguments or in an empty answer.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "mcp/lines.h"
#include "mcp/protocol.h"
#include "mcp/tools.h"
#include "search/library.h"

namespace {

using namespace lode;

void check_one(const json::Value& answer) {
  LODE_CHECK(answer.find("jsonrpc")->as_string() == "2.0");
  const auto id = answer.find("id");
  LODE_CHECK(id.has_value());
  const auto error = answer.find("error");
  LODE_CHECK(error.has_value() != answer.find("result").has_value());
  if (error) {
    LODE_CHECK(error->find("code")->as_int().has_value() && error->find("message")->as_string().has_value());
  } else {
    LODE_CHECK(!id->is(json::Kind::null));
  }
}

void check_answer(std::string_view text) {
  LODE_CHECK(text.find('\n') == std::string_view::npos);
  const auto document = json::Document::parse(text, "answer");
  LODE_CHECK(document.has_value());
  const json::Value root = document->root();
  if (root.is(json::Kind::array)) {
    LODE_CHECK(root.size() > 0);
    for (const json::Value& one : root.items()) check_one(one);
  } else {
    check_one(root);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static search::Library library{std::chrono::milliseconds(0)};
  static mcp::Tools tools{library};
  static mcp::Protocol protocol{tools, "1"};
  mcp::Lines lines(1 << 16);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (!rest.empty()) {
    const std::string_view some = rest.substr(0, 1000);
    rest.remove_prefix(some.size());
    lines.add(some);
    while (const auto line = lines.next()) {
      LODE_CHECK(line->text.size() <= size_t{1} << 16);
      if (const auto answer = protocol.answer(line->text)) check_answer(*answer);
    }
  }
  if (const auto answer = protocol.answer(lines.rest().text)) check_answer(*answer);
  return 0;
}

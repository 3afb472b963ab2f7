// Any bytes through the JSON reader: parse, walk everything that came out, and write strings back.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace {

using lode::json::Document;
using lode::json::Kind;
using lode::json::Value;

void walk(const Value& root) {
  std::vector<Value> open = {root};
  while (!open.empty()) {
    const Value value = open.back();
    open.pop_back();
    const bool number = value.is(Kind::integer) || value.is(Kind::number);
    LODE_CHECK(value.as_double().has_value() == number);
    LODE_CHECK(value.as_int().has_value() == value.is(Kind::integer));
    LODE_CHECK(value.as_bool().has_value() == value.is(Kind::boolean));
    LODE_CHECK(value.text(16).size() <= 16 + 3);
    if (const auto text = value.as_string()) {
      const auto again = Document::parse(lode::json::quote(*text), "quoted");
      LODE_CHECK(again && again->root().as_string() == *text);
    }
    const auto items = value.items();
    const auto members = value.members();
    LODE_CHECK(items.size() + members.size() == value.size());
    for (const Value& item : items) open.push_back(item);
    for (const auto& [key, member] : members) open.push_back(member);
    if (!members.empty()) LODE_CHECK(value.find(members.back().first).has_value());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto document = Document::parse(text, "fuzz");
  if (document) walk(document->root());
  if (!document) LODE_CHECK(!document.error().message.empty());
  LODE_CHECK(Document::parse(lode::json::quote(text), "quoted").has_value());
  return 0;
}

#include "base/json.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <exception>
#include <new>
#include <simdjson.h>
#include <type_traits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/excerpt.h"

namespace lode::json {

namespace dom = simdjson::dom;

// A Value carries an element by its bits, so that no other file needs to see simdjson.
static_assert(sizeof(dom::element) == 16 && alignof(dom::element) <= 8);
static_assert(std::is_trivially_copyable_v<dom::element>);

namespace {

using Opaque = std::array<std::byte, 16>;

// The element inside a Value. A default-made Value (no document behind it) reads as null.
std::optional<dom::element> element_of(const Opaque& opaque) {
  if (opaque == Opaque{}) return std::nullopt;
  dom::element element;
  std::memcpy(static_cast<void*>(&element), opaque.data(), sizeof(element));
  return element;
}

bool fits_64_bits(std::string_view digits, bool negative) {
  uint64_t magnitude = 0;
  if (std::from_chars(digits.begin(), digits.end(), magnitude).ec != std::errc()) return false;
  return !negative || magnitude <= uint64_t{1} << 63;
}

// simdjson takes no integer beyond 64 bits, while every other reader turns one into a floating-point number. This
// writes each such integer as a float ("...e0"); a text without one comes back empty.
std::string widen_integers(std::string_view text) {
  std::string out;
  size_t copied = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c != '-' && (c < '0' || c > '9')) continue;
    // One whole number token, so that the digits of a fraction or an exponent are never taken for an integer.
    const size_t end = std::min(text.find_first_not_of("0123456789+-.eE", i), text.size());
    const std::string_view token = text.substr(i, end - i);
    const bool negative = c == '-';
    const std::string_view digits = token.substr(negative ? 1 : 0);
    const bool integer = !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (integer && !fits_64_bits(digits, negative)) {
      out.append(text.substr(copied, end - copied)).append("e0");
      copied = end;
    }
    i = end - 1;
  }
  if (copied > 0) out.append(text.substr(copied));
  return out;
}

// The DOM parser does not say where it stopped; nlohmann's (iterative) one does. Only asked after a failure.
class PositionFinder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(size_t at, const std::string&, const nlohmann::detail::exception&) override {
    position = at;
    return false;
  }
  std::optional<size_t> position;  // counted from 1
};

std::optional<size_t> error_position(std::string_view text) {
  constexpr size_t kMaxBytes = size_t{16} << 20;  // a second parse of more is not worth the figure
  if (text.size() > kMaxBytes) return std::nullopt;
  PositionFinder finder;
  if (nlohmann::json::sax_parse(text.begin(), text.end(), &finder)) return std::nullopt;
  if (!finder.position || *finder.position == 0) return std::nullopt;
  return *finder.position - 1;
}

std::string reason_of(simdjson::error_code code) {
  switch (code) {
    case simdjson::EMPTY: return "it is empty";
    case simdjson::DEPTH_ERROR: return fmt::format("nested deeper than {} levels", simdjson::DEFAULT_MAX_DEPTH);
    case simdjson::CAPACITY: return "larger than the 4 GB that the parser takes";
    case simdjson::UTF8_ERROR: return "not valid UTF-8";
    case simdjson::NUMBER_ERROR: return "a number is malformed or out of range";
    case simdjson::STRING_ERROR: return "a string is malformed";
    case simdjson::UNESCAPED_CHARS: return "a string holds an unescaped control character";
    case simdjson::UNCLOSED_STRING: return "a string is not closed";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR: return "expected true, false or null";
    default: return "the syntax is wrong";
  }
}

}  // namespace

std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::null: return "null";
    case Kind::boolean: return "boolean";
    case Kind::integer: return "integer";
    case Kind::number: return "number";
    case Kind::string: return "string";
    case Kind::array: return "array";
    case Kind::object: return "object";
  }
  return "value";
}

struct Document::Impl {
  dom::document document;

  simdjson::error_code parse(std::string_view text) {
    dom::parser parser;  // its scratch memory is not kept, the document's own is
    const simdjson::padded_string padded(text.data(), text.size());
    return parser.parse_into_document(document, padded).error();
  }
};

Document::Document() = default;
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Result<Document> Document::parse(std::string_view text, std::string_view what) {
  try {
    Document document;
    document.impl_ = std::make_unique<Impl>();
    simdjson::error_code error = document.impl_->parse(text);
    if (error == simdjson::NUMBER_ERROR) {
      const std::string widened = widen_integers(text);
      if (!widened.empty()) error = document.impl_->parse(widened);
    }
    if (error == simdjson::SUCCESS) return document;
    if (error == simdjson::MEMALLOC) return fail(Code::too_large, fmt::format("{}: out of memory while parsing", what));
    std::string message = fmt::format("{} is not valid JSON: {}", what, reason_of(error));
    const auto at = error == simdjson::DEPTH_ERROR ? std::nullopt : error_position(text);
    if (at) message += fmt::format(", at byte {} of {}", *at, text.size());
    return fail(Code::invalid_argument, std::move(message));
  } catch (const std::bad_alloc&) {
    return fail(Code::too_large, fmt::format("{}: out of memory while parsing {} bytes", what, text.size()));
  } catch (const std::exception& e) {
    return fail(Code::invalid_argument, fmt::format("{} is not valid JSON: {}", what, e.what()));
  }
}

Value Document::root() const {
  Value value;
  if (!impl_) return value;
  const dom::element root = impl_->document.root();
  std::memcpy(value.opaque_.data(), &root, sizeof(root));
  return value;
}

Kind Value::kind() const {
  const auto element = element_of(opaque_);
  if (!element) return Kind::null;
  switch (element->type()) {
    case dom::element_type::ARRAY: return Kind::array;
    case dom::element_type::OBJECT: return Kind::object;
    case dom::element_type::INT64: return Kind::integer;
    case dom::element_type::UINT64:  // only what int64 cannot hold
    case dom::element_type::DOUBLE: return Kind::number;
    case dom::element_type::STRING: return Kind::string;
    case dom::element_type::BOOL: return Kind::boolean;
    case dom::element_type::NULL_VALUE: return Kind::null;
  }
  return Kind::null;
}

std::optional<bool> Value::as_bool() const {
  bool value = false;
  const auto element = element_of(opaque_);
  if (!element || element->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<int64_t> Value::as_int() const {
  int64_t value = 0;
  const auto element = element_of(opaque_);
  if (!element || !element->is_int64() || element->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<double> Value::as_double() const {
  double value = 0;
  const auto element = element_of(opaque_);
  if (!element || element->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::optional<std::string_view> Value::as_string() const {
  std::string_view value;
  const auto element = element_of(opaque_);
  if (!element || element->get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}

std::vector<std::pair<std::string_view, Value>> Value::members() const {
  std::vector<std::pair<std::string_view, Value>> out;
  dom::object object;
  const auto element = element_of(opaque_);
  if (!element || element->get(object) != simdjson::SUCCESS) return out;
  for (const dom::key_value_pair member : object) {
    Value value;
    std::memcpy(value.opaque_.data(), &member.value, sizeof(member.value));
    out.emplace_back(member.key, value);
  }
  return out;
}

std::vector<Value> Value::items() const {
  std::vector<Value> out;
  dom::array array;
  const auto element = element_of(opaque_);
  if (!element || element->get(array) != simdjson::SUCCESS) return out;
  for (const dom::element item : array) {
    std::memcpy(out.emplace_back().opaque_.data(), &item, sizeof(item));
  }
  return out;
}

std::optional<Value> Value::find(std::string_view key) const {
  dom::object object;
  const auto element = element_of(opaque_);
  if (!element || element->get(object) != simdjson::SUCCESS) return std::nullopt;
  std::optional<Value> found;
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (it.key() != key) continue;
    const dom::element member = it.value();
    std::memcpy(found.emplace().opaque_.data(), &member, sizeof(member));
  }
  return found;
}

std::optional<Value> Value::get(std::string_view key) const {
  auto found = find(key);
  if (found && found->is(Kind::null)) found.reset();
  return found;
}

size_t Value::size() const {
  constexpr size_t kSaturated = 0xFFFFFF;  // the tape counts no further
  const auto element = element_of(opaque_);
  if (!element) return 0;
  if (dom::array array; element->get(array) == simdjson::SUCCESS) {
    return array.size() < kSaturated ? array.size() : items().size();
  }
  if (dom::object object; element->get(object) == simdjson::SUCCESS) {
    return object.size() < kSaturated ? object.size() : members().size();
  }
  return 0;
}

std::string Value::text(size_t max_chars) const {
  const auto element = element_of(opaque_);
  if (!element) return "null";
  return excerpt(simdjson::minify(*element), max_chars);
}

std::string quote(std::string_view utf8) {
  return nlohmann::json(utf8).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace lode::json

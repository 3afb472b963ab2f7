#include "server/embedding_response.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "base/float_text.h"
#include "base/json.h"
#include "server/base64.h"

namespace lode::server {

// Vectors go out as they lie in memory.
static_assert(std::endian::native == std::endian::little);

namespace {

void append_floats(std::string& out, std::span<const float> vector) {
  for (const float x : vector) {
    append_float(out, x);
    out += ',';
  }
}

void append_integers(std::string& out, std::span<const std::byte> elements, bool is_signed) {
  for (const std::byte element : elements) {
    const auto unsigned_value = std::to_integer<uint8_t>(element);
    const int value = is_signed ? static_cast<int8_t>(unsigned_value) : static_cast<int>(unsigned_value);
    char digits[4];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    out += ',';
  }
}

}  // namespace

Result<std::string> embedding_response(std::span<const float> vectors, size_t dims, VectorFormat format,
                                       std::string_view model, int64_t n_tokens) {
  if (!std::ranges::all_of(vectors, [](float x) { return std::isfinite(x); })) {
    return fail(Code::internal, "The model gave a value that is not finite");
  }
  const bool base64 = format.encoding == Encoding::base64;
  const bool floats = format.element_type == ElementType::float32;
  const bool is_signed = format.element_type == ElementType::int8 || format.element_type == ElementType::binary;
  std::string out;
  out.reserve(vectors.size() * (base64 ? 6 : 13) + (vectors.size() / dims + 4) * 64);
  out += R"({"object":"list","data":[)";
  std::vector<std::byte> elements;
  for (size_t i = 0; i * dims < vectors.size(); ++i) {
    const auto vector = vectors.subspan(i * dims, dims);
    elements.clear();
    if (!floats) append_elements(elements, vector, format.element_type);
    fmt::format_to(std::back_inserter(out), R"({}{{"index":{},"embedding":{})", i > 0 ? "," : "", i,
                   base64 ? '"' : '[');
    if (base64) {
      append_base64(out, floats ? std::as_bytes(vector) : elements);
      out += '"';
    } else {
      floats ? append_floats(out, vector) : append_integers(out, elements, is_signed);
      out.back() = ']';  // was the last comma
    }
    out += R"(,"object":"embedding"})";
  }
  fmt::format_to(std::back_inserter(out), R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})",
                 json::quote(model), n_tokens, n_tokens);
  return out;
}

}  // namespace lode::server

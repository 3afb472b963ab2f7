#include "server/search_request.h"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "server/request_fields.h"

namespace lode::server {
namespace {

using json::Value;

constexpr size_t kMostGlobs = 100;
constexpr size_t kMostQueryBytes = 100'000;
constexpr int64_t kMostContext = 1000;
constexpr int64_t kMostLine = 100'000'000;
constexpr int64_t kNanosecondsOfSecond = 1'000'000'000;
constexpr int64_t kLastSecond = 9'000'000'000;  // nanoseconds go as far as the year 2262

constexpr Choice<search::Mode> kModes[] = {{"hybrid", search::Mode::hybrid}, {"lexical", search::Mode::lexical},
                                           {"dense", search::Mode::dense},   {"bm25", search::Mode::bm25},
                                           {"symbol", search::Mode::symbol}, {"exact", search::Mode::exact},
                                           {"regex", search::Mode::regex}};

Checked read_range(const Value& body, const std::string& key, int64_t least, int64_t most,
                   std::optional<int64_t>& out) {
  if (auto checked = read_integer(body, key, out); !checked) return checked;
  if (!out || (*out >= least && *out <= most)) return {};
  return violates(*out < least ? "greater_than_equal" : "less_than_equal", {key},
                  fmt::format("Input should be from {} to {}", least, most), body.get(key));
}

Checked read_names(const Value& body, const std::string& key, std::vector<std::string>& out) {
  const auto value = body.get(key);
  if (!value) return {};
  return read_texts(*value, key, kMostGlobs, out);
}

// Where a value of a list, or the one, stands.
std::vector<std::string> place(const Value& body, const std::string& key, size_t i) {
  if (body.get(key)->is(json::Kind::string)) return {key};
  return {key, std::to_string(i)};
}

Checked read_filters(const Value& body, search::SearchQuery& query) {
  if (auto checked = read_names(body, "path", query.paths); !checked) return checked;
  std::vector<std::string> names;
  if (auto checked = read_names(body, "language", names); !checked) return checked;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto language = code::language_named(names[i]);
    if (!language) {
      return violates("value_error", place(body, "language", i),
                      "Input should be a language's name or extension, such as 'python' or 'rs'", body.get("language"));
    }
    query.languages.push_back(*language);
  }
  names.clear();
  if (auto checked = read_names(body, "kind", names); !checked) return checked;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto kind = code::kind_named(names[i]);
    if (!kind) {
      const std::string known = fmt::format("'{}'", fmt::join(code::kind_names(), "', '"));
      return violates("value_error", place(body, "kind", i), "Input should be one of " + known, body.get("kind"));
    }
    query.kinds.push_back(*kind);
  }
  std::optional<int64_t> number;
  if (auto checked = read_range(body, "top_k", 1, kMostHits, number); !checked) return checked;
  if (number) query.n_hits = static_cast<size_t>(*number);
  number.reset();
  if (auto checked = read_range(body, "context", 0, kMostContext, number); !checked) return checked;
  if (number) query.context = static_cast<size_t>(*number);
  number.reset();
  if (auto checked = read_range(body, "changed_since", 0, kLastSecond, number); !checked) return checked;
  if (number) query.changed_since_ns = *number * kNanosecondsOfSecond;
  return {};
}

Checked read_required(const Value& body, const std::string& key, std::string& out) {
  if (!body.get(key)) return violates("missing", {key}, "Field required");
  if (auto checked = read_string(body, key, out); !checked) return checked;
  if (out.find_first_not_of(" \t\r\n") == std::string::npos) {
    return violates("string_too_short", {key}, "Input should have a character that is no white space", body.get(key));
  }
  return {};
}

Checked read(const Value& body, SearchRequest& request) {
  if (auto checked = read_required(body, "query", request.query.text); !checked) return checked;
  if (request.query.text.size() > kMostQueryBytes) {
    return violates(
        "string_too_long", {"query"},
        fmt::format("Input should have at most {} bytes, it has {}", kMostQueryBytes, request.query.text.size()));
  }
  if (auto checked = read_choice(body, "mode", kModes, request.query.mode); !checked) return checked;
  if (const auto flag = body.get("ignore_case")) {
    const auto on = flag->as_bool();
    if (!on) return violates("bool_type", {"ignore_case"}, "Input should be a valid boolean", flag);
    request.query.ignore_case = *on;
  }
  if (auto checked = read_string(body, "index", request.index); !checked) return checked;
  return read_filters(body, request.query);
}

Checked read(const Value& body, SimilarRequest& request) {
  if (auto checked = read_required(body, "path", request.path); !checked) return checked;
  std::optional<int64_t> line;
  if (!body.get("line")) return violates("missing", {"line"}, "Field required");
  if (auto checked = read_range(body, "line", 1, kMostLine, line); !checked) return checked;
  request.line = static_cast<uint32_t>(line.value_or(1));
  // `path` is the file here, so that there is no filter by path.
  if (auto checked = read_filters(body, request.filters); !checked) return checked;
  request.filters.paths.clear();
  return {};
}

template <class Request>
std::expected<Request, ApiError> parse_body(std::string_view body) {
  const auto document = parse_object(body);
  if (!document) return Refusal(document.error());
  Request request;
  if (auto checked = read(document->root(), request); !checked) return Refusal(std::move(checked).error());
  return request;
}

}  // namespace

std::expected<SearchRequest, ApiError> parse_search_request(std::string_view body) {
  return parse_body<SearchRequest>(body);
}

std::expected<SimilarRequest, ApiError> parse_similar_request(std::string_view body) {
  return parse_body<SimilarRequest>(body);
}

}  // namespace lode::server

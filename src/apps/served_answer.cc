#include "apps/served_answer.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/api_key.h"
#include "apps/http_client.h"
#include "apps/json_text.h"
#include "apps/process.h"
#include "base/json.h"
#include "code/language.h"
#include "code/outline.h"

namespace lode::apps {
namespace {

using json::Value;

constexpr size_t kMostAnswer = size_t{1} << 28;
constexpr int64_t kStallSeconds = 30;
constexpr std::string_view kReplaced = "\xEF\xBF\xBD";  // what JSON has in place of bytes that are no text

std::string body_of(const ServedNote& note, const search::SearchQuery& query) {
  nlohmann::ordered_json out{{"query", query.text},
                             {"mode", search::name_of(query.mode)},
                             {"top_k", query.n_hits},
                             {"ignore_case", query.ignore_case},
                             {"index", note.name}};
  if (query.context) out["context"] = *query.context;
  if (query.changed_since_ns > 0) {
    out["changed_since"] = query.changed_since_ns / std::chrono::nanoseconds(std::chrono::seconds(1)).count();
  }
  std::vector<std::string> globs = query.paths;
  if (!query.below.empty()) globs.push_back(query.below);
  for (const std::string& glob : globs) {
    if (!note.is_among_several) {
      out["path"].push_back(glob);
      continue;
    }
    const bool leaves_out = glob.starts_with('!');
    out["path"].push_back(fmt::format("{}{}/{}", leaves_out ? "!" : "", note.name, glob.substr(leaves_out ? 1 : 0)));
  }
  for (const code::Language language : query.languages) out["language"].push_back(code::name_of(language));
  for (const code::SymbolKind kind : query.kinds) out["kind"].push_back(code::name_of(kind));
  return out.dump();
}

// A member that must be there; what is missing makes the answer none.
class Members {
 public:
  explicit Members(const Value& object) : object_(object) {}

  std::string text(const char* key) { return std::string(taken(key, &Value::as_string).value_or("")); }
  int64_t integer(const char* key) { return taken(key, &Value::as_int).value_or(0); }
  double number(const char* key) { return taken(key, &Value::as_double).value_or(0); }
  bool flag(const char* key) { return taken(key, &Value::as_bool).value_or(false); }
  std::string text_or_null(const char* key) {
    const auto value = object_.get(key);
    return std::string(value ? value->as_string().value_or("") : "");
  }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> out;
    const auto value = object_.get(key);
    is_whole_ = is_whole_ && value && value->is(json::Kind::array);
    if (!value) return out;
    for (const Value& item : value->items()) {
      const auto one = item.as_string();
      is_whole_ = is_whole_ && one;
      out.emplace_back(one.value_or(""));
    }
    return out;
  }
  [[nodiscard]] bool is_whole() const { return is_whole_; }

 private:
  template <class T>
  std::optional<T> taken(const char* key, std::optional<T> (Value::*as)() const) {
    const auto value = object_.get(key);
    std::optional<T> out;
    if (value) out = ((*value).*as)();
    is_whole_ = is_whole_ && out;
    return out;
  }

  const Value& object_;
  bool is_whole_ = true;
};

bool strip(std::string& path, const ServedNote& note) {
  if (path.find(kReplaced) != std::string::npos) return false;
  if (!note.is_among_several) return true;
  const std::string prefix = note.name + "/";
  if (!path.starts_with(prefix)) return false;
  path.erase(0, prefix.size());
  return true;
}

std::optional<search::Hit> hit_of(const Value& value, const ServedNote& note) {
  Members members(value);
  search::Hit out;
  out.path = members.text("path");
  out.first_line = static_cast<uint32_t>(members.integer("start_line"));
  out.last_line = static_cast<uint32_t>(members.integer("end_line"));
  out.score = members.number("score");
  const auto language = code::language_named(members.text("language"));
  out.symbol = members.text_or_null("symbol");
  if (const auto kind = code::kind_named(members.text_or_null("kind"))) out.kind = code::name_of(*kind);
  out.why = members.texts("why");
  out.snippet_line = static_cast<uint32_t>(members.integer("snippet_line"));
  out.snippet = members.text("snippet");
  out.copies = members.texts("copies");
  if (!members.is_whole() || !language || !strip(out.path, note)) return std::nullopt;
  for (std::string& copy : out.copies) {
    if (!strip(copy, note)) return std::nullopt;
  }
  out.language = *language;
  return out;
}

std::optional<ServedAnswer> read_answer(std::string_view body, const ServedNote& note) {
  const auto document = json::Document::parse(body, "answer");
  if (!document) return std::nullopt;
  const Value root = document->root();
  Members members(root);
  ServedAnswer out;
  out.result.n_found = static_cast<size_t>(members.integer("n_found"));
  const auto hits = root.get("hits");
  const auto index = root.get("index");
  if (!hits || !index || !members.is_whole()) return std::nullopt;
  for (const Value& one : hits->items()) {
    auto hit = hit_of(one, note);
    if (!hit) return std::nullopt;
    out.result.hits.push_back(*std::move(hit));
  }
  Members about(*index);
  out.n_files = static_cast<size_t>(about.integer("files"));
  out.n_chunks = static_cast<size_t>(about.integer("chunks"));
  out.result.is_complete = about.flag("complete");
  if (index->get("vectors")) out.result.n_vectors = static_cast<size_t>(about.integer("vectors"));
  if (!about.is_whole()) return std::nullopt;
  return out;
}

}  // namespace

std::optional<ServedAnswer> ask_server(const ServedNote& note, const search::SearchQuery& query, bool quiet) {
  HttpRequest request;
  request.url = fmt::format("http://{}:{}/v1/search", note.host, note.port);
  if (const char* const key = std::getenv("LODE_API_KEY")) request.bearer = first_key(key);
  // A query may hold any bytes; JSON may not, and the server would not take them.
  try {
    request.json = body_of(note, query);
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  request.stall_seconds = kStallSeconds;
  request.direct = true;
  std::string body;
  HttpClient client;
  const auto head = client.send(
      request, [](const HttpHead&) { return Status(); },
      [&body](std::span<const std::byte> bytes) -> Status {
        if (body.size() + bytes.size() > kMostAnswer) return fail(Code::too_large, "answer");
        body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
      });
  if (!head) return std::nullopt;
  if (head->status == 401 && !request.bearer.empty() && !quiet) {
    print_message("the server that has this folder open does not know the key in LODE_API_KEY: searching without it");
  }
  if (head->status != 200) return std::nullopt;
  return read_answer(body, note);
}

}  // namespace lode::apps

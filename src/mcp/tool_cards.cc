#include "mcp/tool_cards.h"

#include <string>
#include <utility>

#include "code/outline.h"

namespace lode::mcp {
namespace {

using Json = nlohmann::ordered_json;

Json text_field(std::string_view description) {
  return {{"type", "string"}, {"description", description}};
}

Json number_field(std::string_view description, int64_t least, int64_t most, std::optional<int64_t> otherwise = {}) {
  Json out{{"type", "integer"}, {"description", description}, {"minimum", least}, {"maximum", most}};
  if (otherwise) out["default"] = *otherwise;
  return out;
}

Json list_field(std::string_view description, Json item) {
  return {{"description", description}, {"anyOf", {item, {{"type", "array"}, {"items", item}}}}};
}

Json or_null(std::string_view type) {
  return {{"type", {type, "null"}}};
}

Json object(Json properties, std::vector<std::string> required) {
  return {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}};
}

// Of what goes in: nothing else does.
Json arguments_of(Json properties, std::vector<std::string> required) {
  Json out = object(std::move(properties), std::move(required));
  if (out["properties"].is_null()) out["properties"] = Json::object();
  out["additionalProperties"] = false;
  return out;
}

Json modes() {
  return {{"type", "string"},
          {"enum", {"hybrid", "lexical", "dense", "bm25", "symbol", "exact", "regex"}},
          {"default", "hybrid"},
          {"description",
           "hybrid: best for questions, descriptions and error messages, by terms and, where the index has vectors, by "
           "meaning. dense: by meaning alone. symbol: definitions by name. exact: a text as "
           "it stands in the files. regex: an RE2 expression, line by line."}};
}

Json kinds() {
  Json names = Json::array();
  for (size_t i = 0; i < code::kSymbolKinds; ++i) names.push_back(code::name_of(static_cast<code::SymbolKind>(i)));
  return list_field("Only within symbols of this kind.", {{"type", "string"}, {"enum", std::move(names)}});
}

Json paging(Json properties, int64_t default_limit) {
  properties["limit"] = number_field("Most entries in the answer.", 1, 100, default_limit);
  properties["cursor"] = text_field("next_cursor of the answer before, for the page behind it.");
  properties["max_tokens"] =
      number_field("About how long the answer may be.", kLeastTokens, kMostTokens, kDefaultTokens);
  return properties;
}

Json hits_schema() {
  const Json number{{"type", "integer"}};
  const Json text{{"type", "string"}};
  const Json texts{{"type", "array"}, {"items", text}};
  const Json hit = object({{"path", text},
                           {"start_line", number},
                           {"end_line", number},
                           {"score", {{"type", "number"}}},
                           {"why", texts},
                           {"symbol", or_null("string")},
                           {"kind", or_null("string")},
                           {"language", text},
                           {"snippet_line", number},
                           {"snippet", or_null("string")},
                           {"copies", texts}},
                          {"path", "start_line", "end_line"});
  return object({{"mode", text},
                 {"n_found", number},
                 {"complete", {{"type", "boolean"}}},
                 {"hits", {{"type", "array"}, {"items", hit}}},
                 {"next_cursor", or_null("string")},
                 {"snippets_left_out", number},
                 {"hits_left_out", number},
                 {"note", or_null("string")}},
                {"hits", "n_found", "complete"});
}

Json symbols_schema() {
  const Json number{{"type", "integer"}};
  const Json text{{"type", "string"}};
  const Json symbol = object({{"path", text},
                              {"name", text},
                              {"kind", text},
                              {"start_line", number},
                              {"end_line", number},
                              {"signature", text}},
                             {"path", "name", "kind", "start_line", "end_line"});
  return object({{"symbols", {{"type", "array"}, {"items", symbol}}},
                 {"n_found", number},
                 {"next_cursor", or_null("string")},
                 {"note", or_null("string")}},
                {"symbols", "n_found"});
}

Json lines_schema() {
  const Json number{{"type", "integer"}};
  const Json text{{"type", "string"}};
  return object({{"path", text},
                 {"language", text},
                 {"start_line", number},
                 {"end_line", number},
                 {"n_lines", number},
                 {"text", text},
                 {"next_start", or_null("integer")}},
                {"path", "start_line", "end_line", "n_lines", "text"});
}

Json status_schema() {
  const Json number{{"type", "integer"}};
  const Json text{{"type", "string"}};
  const Json flag{{"type", "boolean"}};
  const Json index = object({{"name", text},
                             {"folder", text},
                             {"files", number},
                             {"chunks", number},
                             {"vectors", or_null("integer")},
                             {"complete", flag},
                             {"indexing", flag},
                             {"embedding", flag},
                             {"files_done", number},
                             {"files_to_do", number},
                             {"updated", or_null("integer")},
                             {"error", or_null("string")}},
                            {"name", "folder", "files", "chunks", "complete", "indexing"});
  return object({{"indexes", {{"type", "array"}, {"items", index}}}}, {"indexes"});
}

}  // namespace

std::vector<ToolCard> tool_cards() {
  std::vector<ToolCard> out;
  out.push_back(
      {.name = "search",
       .title = "Search the code",
       .description =
           "Find where something is in the indexed code and text: ask in words, or with a name, an error message, a "
           "traceback. Hits are ranked, one a file, each with the lines, the reasons and a snippet. Prefer this over "
           "listing and reading files; use mode exact or regex instead of grep.",
       .input = arguments_of(
           paging({{"query", text_field("What to look for.")},
                   {"mode", modes()},
                   {"path", list_field("Only paths that match this glob ('src/**', '*.py'); '!GLOB' leaves out.",
                                       {{"type", "string"}})},
                   {"lang", list_field("Only this language, by name or extension (python, ts).", {{"type", "string"}})},
                   {"kind", kinds()}},
                  10),
           {"query"}),
       .output = hits_schema()});
  out.push_back({.name = "read_lines",
                 .title = "Read lines of a file",
                 .description = "Read an indexed file, or some lines of it. Without an end it reads on as far as "
                                "max_tokens allow and says where to go on.",
                 .input = arguments_of({{"path", text_field("The file, as hits have it.")},
                                        {"start", number_field("The first line.", 1, 100'000'000, 1)},
                                        {"end", number_field("The last line.", 1, 100'000'000)},
                                        {"max_tokens", number_field("About how long the answer may be.", kLeastTokens,
                                                                    kMostTokens, kDefaultTokens)}},
                                       {"path"}),
                 .output = lines_schema()});
  out.push_back({.name = "symbols",
                 .title = "List definitions",
                 .description = "What a file defines, in its order (give path), or where a class, function or other "
                                "symbol is defined (give name, 'Query.filter' too).",
                 .input = arguments_of(paging({{"path", text_field("A file, as hits have it.")},
                                               {"name", text_field("A symbol's name, or how it begins.")}},
                                              50),
                                       {}),
                 .output = symbols_schema()});
  out.push_back({.name = "similar",
                 .title = "Find code like this",
                 .description = "Other places in the same index that are like the code around a line: duplicates, "
                                "siblings, the pattern to follow.",
                 .input = arguments_of(paging({{"path", text_field("A file, as hits have it.")},
                                               {"line", number_field("A line in it.", 1, 100'000'000)}},
                                              10),
                                       {"path", "line"}),
                 .output = hits_schema()});
  out.push_back({.name = "status",
                 .title = "State of the indexes",
                 .description = "Which folders are indexed, how much is in the indexes, and whether they are whole.",
                 .input = arguments_of({}, {}),
                 .output = status_schema()});
  return out;
}

std::string_view tool_instructions() {
  return "Search over indexed code and text. Begin with search (a question, a name, an error message), look at hits "
         "with read_lines, find definitions with symbols. Paths are those of the hits.";
}

}  // namespace lode::mcp

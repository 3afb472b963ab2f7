#include "apps/eval_results.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "apps/digest.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "eval/jsonl.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxResultBytes = size_t{64} << 20;
constexpr std::string_view kItems = ".items.jsonl";

std::string text_of(std::optional<json::Value> object, std::string_view key) {
  const auto value = object ? object->find(key) : std::nullopt;
  const auto text = value ? value->as_string() : std::nullopt;
  return text ? std::string(*text) : std::string();
}

// Empty for a file that is no result of `lode eval`: other tools keep theirs in the same layout.
Result<std::optional<StoredResult>> read_result(const fs::path& file) {
  LODE_ASSIGN(const std::string text, read_file(file, kMaxResultBytes));
  const auto document = json::Document::parse(text, file.string());
  if (!document) return fail(Code::corrupt, document.error().message, document.error().hint);
  const json::Value root = document->root();
  const auto own = root.get("lode");
  StoredResult out;
  out.task = text_of(root, "task_name");
  if (!own || out.task.empty()) return std::nullopt;
  out.model = text_of(own->get("model"), "name");
  out.revision = text_of(own->get("model"), "revision");
  out.main_score = text_of(own, "main_score");
  out.rules = text_of(own, "rules");
  if (const auto data = own->get("data")) {
    for (const json::Value one : data->items()) out.data.emplace_back(text_of(one, "file"), text_of(one, "sha256"));
  }
  if (const auto items = own->get("items")) {
    const std::string name = text_of(items, "file");
    if (name.empty() || name.find('/') != std::string::npos) {
      return fail(Code::corrupt, fmt::format("{}: \"{}\" is no name of a file beside it", file.string(), name));
    }
    out.items = file.parent_path() / name;
    out.items_sha256 = text_of(items, "sha256");
    out.item = text_of(items, "of");
  }
  return out;
}

Result<StoredResult> of_items_file(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string task = name.substr(0, name.size() - kItems.size());
  const fs::path beside = path.parent_path() / (task + ".json");
  std::error_code error;
  if (fs::is_regular_file(beside, error)) {
    LODE_ASSIGN(auto result, read_result(beside));
    if (result && result->items.filename() == path.filename()) return *std::move(result);
  }
  StoredResult out;
  out.task = task;
  out.items = path;
  return out;
}

std::unexpected<Error> no_results(const fs::path& path) {
  return fail(Code::not_found, fmt::format("{} has no results of `lode eval`", path.string()),
              "Name what --out kept: a folder, a TASK.json or a TASK.items.jsonl.");
}

}  // namespace

Result<std::vector<StoredResult>> find_results(const fs::path& path) {
  std::error_code error;
  const std::string name = path.filename().string();
  if (fs::is_regular_file(path, error)) {
    std::vector<StoredResult> out;
    if (name.ends_with(kItems)) {
      LODE_ASSIGN(out.emplace_back(), of_items_file(path));
      return out;
    }
    LODE_ASSIGN(auto result, read_result(path));
    if (!result) return no_results(path);
    out.push_back(*std::move(result));
    return out;
  }
  if (!fs::is_directory(path, error)) {
    return fail(Code::not_found, fmt::format("there is no {}", path.string()), "Name what `lode eval --out` kept.");
  }
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".json" && entry->path().filename() != "model_meta.json") {
      files.push_back(entry->path());
    }
  }
  if (error) return fail(Code::io, fmt::format("cannot list {}: {}", path.string(), error.message()));
  std::ranges::sort(files);
  std::vector<StoredResult> out;
  std::vector<fs::path> from;
  for (const fs::path& file : files) {
    LODE_ASSIGN(auto result, read_result(file));
    if (!result) continue;
    const auto same = std::ranges::find(out, result->task, &StoredResult::task);
    if (same != out.end()) {
      return fail(Code::invalid_argument,
                  fmt::format("{} has two results of {}: {} and {}", path.string(), result->task,
                              from[static_cast<size_t>(same - out.begin())].string(), file.string()),
                  "Name the folder of one of them.");
    }
    out.push_back(*std::move(result));
    from.push_back(file);
  }
  if (out.empty()) return no_results(path);
  std::ranges::sort(out, {}, &StoredResult::task);
  return out;
}

Result<eval::ItemScores> read_items(const StoredResult& result) {
  if (result.items.empty()) return fail(Code::not_found, fmt::format("the result of {} has no items", result.task));
  if (!result.items_sha256.empty()) {
    LODE_ASSIGN(const std::string sum, file_sha256(result.items));
    if (sum != result.items_sha256) {
      return fail(Code::corrupt,
                  fmt::format("{} is not the file that its result names by SHA-256", result.items.string()),
                  "It was changed, or its run was cut off: evaluate again.");
    }
  }
  eval::ItemScores out;
  out.item = result.item.empty() ? "item" : result.item;
  LODE_TRY(eval::each_row(result.items, [&](const eval::Row& row) -> Status {
    LODE_ASSIGN(std::string id, row.id("id"));
    const auto members = row.value().members();
    if (out.ids.empty()) {
      for (const auto& [key, value] : members) {
        if (key != "id") out.measures.emplace_back(key);
      }
    }
    std::vector<double> values;
    for (const auto& [key, value] : members) {
      if (key == "id") continue;
      if (values.size() >= out.measures.size() || out.measures[values.size()] != key) {
        return fail(Code::corrupt, fmt::format("{}: \"{}\" is not where the first row has it", row.where(), key));
      }
      const auto number = value.as_double();
      if (!number && !value.is(json::Kind::null)) {
        return fail(Code::corrupt,
                    fmt::format("{}: \"{}\" is {}, a number or null was expected", row.where(), key, value.text(60)));
      }
      values.push_back(number.value_or(std::numeric_limits<double>::quiet_NaN()));
    }
    if (values.size() != out.measures.size()) {
      return fail(Code::corrupt, fmt::format("{}: {} measures, the first row has {}", row.where(), values.size(),
                                             out.measures.size()));
    }
    out.add(std::move(id), values);
    return {};
  }));
  return out;
}

}  // namespace lode::apps

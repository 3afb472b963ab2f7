#include "eval/clustering_data.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "eval/jsonl.h"
#include "eval/python_random.h"

namespace lode::eval {
namespace {

std::unexpected<Error> wrong(const Row& row, std::string_view field, std::string_view expected) {
  const auto found = row.value().find(field);
  return fail(Code::corrupt,
              fmt::format("{}: \"{}\" is {}, {} was expected", row.where(), field,
                          found ? found->text(60) : std::string("missing"), expected),
              "See docs/evaluation.md for the layouts.");
}

// A list of labels, or one label as a list of one.
Result<std::vector<std::string>> labels_of(const Row& row, std::string_view field) {
  constexpr std::string_view kExpected = "a string, a whole number or a list of them";
  const auto found = row.value().find(field);
  if (!found) return wrong(row, field, kExpected);
  std::vector<std::string> out;
  for (const json::Value item : found->is(json::Kind::array) ? found->items() : std::vector<json::Value>{*found}) {
    auto label = id_text(item);
    if (!label) return wrong(row, field, kExpected);
    out.push_back(std::move(*label));
  }
  if (out.empty()) return wrong(row, field, "a label or more");
  return out;
}

Result<TextGroups> set_of(const Row& row) {
  TextGroups out;
  for (const json::Value item : row.value().find("sentences")->items()) {
    const auto text = item.as_string();
    if (!text) return wrong(row, "sentences", "a list of strings");
    out.texts.emplace_back(*text);
  }
  LODE_ASSIGN(std::vector<std::string> labels, labels_of(row, "labels"));
  if (labels.size() != out.texts.size()) {
    return fail(Code::corrupt, fmt::format("{}: {} labels for {} sentences, one for each was expected", row.where(),
                                           labels.size(), out.texts.size()));
  }
  for (std::string& label : labels) out.labels.push_back({std::move(label)});
  return out;
}

Status add_text(const Row& row, TextGroups& out) {
  const char* const text_field = row.value().find("sentences") ? "sentences" : "text";
  LODE_ASSIGN(std::string text, row.text(text_field));
  LODE_ASSIGN(auto labels, labels_of(row, row.value().find("labels") ? "labels" : "label"));
  out.texts.push_back(std::move(text));
  out.labels.push_back(std::move(labels));
  return {};
}

}  // namespace

Result<std::vector<TextGroups>> read_text_groups(const std::filesystem::path& file) {
  std::vector<TextGroups> sets;
  TextGroups flat;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    const auto sentences = row.value().find("sentences");
    if (!sentences || !sentences->is(json::Kind::array)) return add_text(row, flat);
    LODE_ASSIGN(TextGroups set, set_of(row));
    sets.push_back(std::move(set));
    return {};
  }));
  if (sets.empty() && flat.texts.empty())
    return fail(Code::corrupt, fmt::format("{} has no rows of texts and their labels", file.string()));
  if (!sets.empty() && !flat.texts.empty())
    return fail(Code::corrupt, fmt::format("{} has rows that are sets and rows that are texts", file.string()));
  if (sets.empty()) sets.push_back(std::move(flat));
  return sets;
}

TextGroups joined(const std::vector<TextGroups>& sets, uint32_t most) {
  constexpr uint64_t kSeed = 42;
  if (sets.size() == 1) return sets.front();
  TextGroups all;
  std::unordered_set<std::string> seen;
  for (const TextGroups& set : sets) {
    for (size_t i = 0; i < set.texts.size(); ++i) {
      if (!seen.insert(set.texts[i]).second) continue;
      all.texts.push_back(set.texts[i]);
      all.labels.push_back(set.labels[i]);
    }
  }
  if (all.texts.size() <= most) return all;
  TextGroups out;
  for (const uint32_t i : PythonRandom(kSeed).sample(static_cast<uint32_t>(all.texts.size()), most)) {
    out.texts.push_back(std::move(all.texts[i]));
    out.labels.push_back(std::move(all.labels[i]));
  }
  return out;
}

}  // namespace lode::eval

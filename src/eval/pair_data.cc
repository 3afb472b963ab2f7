#include "eval/pair_data.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "eval/jsonl.h"

namespace lode::eval {
namespace {

std::string_view present(const Row& row, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (row.value().get(name)) return name;
  }
  return *names.begin();
}

std::unexpected<Error> not_a_label(const Row& row, json::Value label) {
  return fail(Code::corrupt, fmt::format("{}: the label {} is neither 0 nor 1", row.where(), label.text(40)));
}

Status add_lists(const Row& row, std::string_view first, std::string_view second, LabelledPairs& out) {
  LODE_ASSIGN(auto firsts, row.texts(first));
  LODE_ASSIGN(auto seconds, row.texts(second));
  const auto labels = row.value().get("labels");
  if (!labels || !labels->is(json::Kind::array)) {
    return fail(Code::corrupt, fmt::format("{}: \"labels\" is no list", row.where()));
  }
  size_t n_labels = 0;
  for (const json::Value value : labels->items()) {
    const auto label = value.as_int();
    if (!label || (*label != 0 && *label != 1)) return not_a_label(row, value);
    out.labels.push_back(static_cast<uint8_t>(*label));
    ++n_labels;
  }
  if (firsts.size() != seconds.size() || firsts.size() != n_labels) {
    return fail(Code::corrupt, fmt::format("{}: {} and {} texts and {} labels, as many of each were expected",
                                           row.where(), firsts.size(), seconds.size(), n_labels));
  }
  std::ranges::move(firsts, std::back_inserter(out.first));
  std::ranges::move(seconds, std::back_inserter(out.second));
  return {};
}

Status add_pair(const Row& row, std::string_view first, std::string_view second, LabelledPairs& out) {
  LODE_ASSIGN(std::string a, row.text(first));
  LODE_ASSIGN(std::string b, row.text(second));
  if (row.value().get("entailment")) {
    LODE_ASSIGN(const std::string relation, row.text("entailment"));
    out.labels.push_back(relation == "ENTAILMENT" ? 1 : 0);
  } else {
    const std::string_view field = present(row, {"labels", "label"});
    LODE_ASSIGN(const double label, row.number(field));
    if (label != 0 && label != 1) return not_a_label(row, *row.value().get(field));
    out.labels.push_back(label == 1 ? 1 : 0);
  }
  out.first.push_back(std::move(a));
  out.second.push_back(std::move(b));
  return {};
}

}  // namespace

Result<LabelledPairs> read_labelled_pairs(const std::filesystem::path& file) {
  LabelledPairs out;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    const std::string_view first = present(row, {"sentence1", "sent1", "s1"}),
                           second = present(row, {"sentence2", "sent2", "s2"});
    const auto value = row.value().get(first);
    if (value && value->is(json::Kind::array)) return add_lists(row, first, second, out);
    return add_pair(row, first, second, out);
  }));
  const auto n_alike = std::ranges::count(out.labels, uint8_t{1});
  if (n_alike == 0 || n_alike == std::ssize(out.labels)) {
    return fail(Code::corrupt, fmt::format("{}: {} of {} pairs are alike, some and not all were expected",
                                           file.string(), n_alike, out.labels.size()));
  }
  return out;
}

}  // namespace lode::eval

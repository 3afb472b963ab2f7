#include "eval/labelled_texts.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "eval/jsonl.h"

namespace lode::eval {
namespace {

std::optional<int64_t> whole_number(const std::string& label) {
  int64_t value = 0;
  const char* const end = label.data() + label.size();
  const auto [stop, error] = std::from_chars(label.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

bool is_whole_number(const std::string& label) {
  return whole_number(label).has_value();
}

Result<LabelledTexts> read_labelled_texts(const std::filesystem::path& file) {
  LabelledTexts out;
  LODE_TRY(each_row(file, [&](const Row& row) -> Status {
    const bool has_label = row.value().find("label").has_value() || !row.value().find("label_text");
    LODE_ASSIGN(std::string text, row.text("text"));
    LODE_ASSIGN(std::string label, row.id(has_label ? "label" : "label_text"));
    out.texts.push_back(std::move(text));
    out.labels.push_back(std::move(label));
    return {};
  }));
  if (out.texts.empty())
    return fail(Code::corrupt, fmt::format("{} has no rows of a text and its label", file.string()));
  return out;
}

LabelOrder::LabelOrder(std::span<const std::string> labels)
    : labels_(labels.begin(), labels.end()), are_numbers_(std::ranges::all_of(labels, is_whole_number)) {
  std::ranges::sort(labels_, [&](const std::string& a, const std::string& b) { return before(a, b); });
  const auto rest = std::ranges::unique(labels_);
  labels_.erase(rest.begin(), rest.end());
}

bool LabelOrder::before(const std::string& a, const std::string& b) const {
  return are_numbers_ ? std::pair(whole_number(a), a) < std::pair(whole_number(b), b) : a < b;
}

int32_t LabelOrder::place(const std::string& label) const {
  const auto found = std::ranges::lower_bound(labels_, label,
                                              [&](const std::string& a, const std::string& b) { return before(a, b); });
  return found == labels_.end() || *found != label ? -1 : static_cast<int32_t>(found - labels_.begin());
}

std::vector<int32_t> LabelOrder::places(std::span<const std::string> labels) const {
  std::vector<int32_t> out;
  out.reserve(labels.size());
  for (const std::string& label : labels) out.push_back(place(label));
  return out;
}

}  // namespace lode::eval

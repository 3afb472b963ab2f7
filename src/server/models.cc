#include "server/models.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace lode::server {

namespace {

using embed::InputType;

constexpr std::pair<std::string_view, InputType> kSuffixes[] = {{"-query", InputType::query},
                                                                {"-passage", InputType::passage}};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

bool has_suffix(std::string_view name, std::string_view lower_case_suffix) {
  return name.size() >= lower_case_suffix.size() &&
         lower(name.substr(name.size() - lower_case_suffix.size())) == lower_case_suffix;
}

}  // namespace

Status Models::add(std::string id, EmbeddingService& service, ModelCard card) {
  LODE_TRY(claim(id, served_.size()));
  served_.push_back({.id = std::move(id), .service = &service, .card = std::move(card)});
  return {};
}

Status Models::add_name(std::string id) {
  LODE_TRY(claim(id, served_.size()));
  served_.push_back({.id = std::move(id)});
  return {};
}

Status Models::add_alias(std::string alias, std::string_view target) {
  const auto index = exact(target);
  if (!index) {
    return fail(Code::invalid_argument, fmt::format("alias '{}' names '{}', which is not served", alias, target),
                "Give --alias NAME=MODEL with MODEL as it is given to --model.");
  }
  LODE_TRY(claim(alias, *index));
  served_[*index].aliases.push_back(alias);
  aliases_.push_back(std::move(alias));
  return {};
}

std::optional<Models::Match> Models::find(std::string_view name) const {
  if (served_.empty()) return std::nullopt;
  if (name.empty()) return Match{.model = &served_.front()};
  if (const auto index = exact(name)) return Match{.model = &served_[*index]};
  for (const auto& [suffix, type] : kSuffixes) {
    if (!has_suffix(name, suffix)) continue;
    const auto index = exact(name.substr(0, name.size() - suffix.size()));
    if (index) return Match{.model = &served_[*index], .input_type = type};
  }
  return std::nullopt;
}

std::optional<Models::Match> Models::find_or_first(std::string_view name) const {
  auto match = find(name);
  if (match || served_.empty()) return match;
  match = Match{.model = &served_.front()};
  for (const auto& [suffix, type] : kSuffixes) {
    if (has_suffix(name, suffix)) match->input_type = type;
  }
  return match;
}

std::vector<std::string> Models::names() const {
  std::vector<std::string> names;
  for (const ServedModel& model : served_) names.push_back(model.id);
  names.insert(names.end(), aliases_.begin(), aliases_.end());
  return names;
}

std::optional<size_t> Models::exact(std::string_view name) const {
  const auto found = by_name_.find(lower(name));
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

Status Models::claim(const std::string& name, size_t index) {
  const std::string key = lower(name);
  if (key.empty()) return fail(Code::invalid_argument, "a served model has an empty name", "Give --alias NAME=MODEL.");
  const auto [place, fresh] = by_name_.try_emplace(key, index);
  if (!fresh && place->second != index) {
    return fail(Code::invalid_argument, fmt::format("the name '{}' is already that of another model", name),
                "Choose another with --alias NAME=MODEL.");
  }
  // The bare name is a convenience: whoever has it first keeps it.
  by_name_.try_emplace(key.substr(key.rfind('/') + 1), index);
  return {};
}

}  // namespace lode::server

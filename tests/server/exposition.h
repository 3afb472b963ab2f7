// A reader of Prometheus's text format that takes nothing for granted: every line by the grammar, every series once,
// every family described before its first sample, every histogram cumulative and in agreement with its count.
#pragma once

#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace lode::server {

struct Exposition {
  std::map<std::string, std::string> types;  // of families
  std::map<std::string, double> samples;     // by name{label="value",...} as written
  std::string error;                         // empty: the text is sound

  [[nodiscard]] std::optional<double> value(const std::string& series) const {
    const auto found = samples.find(series);
    return found == samples.end() ? std::nullopt : std::optional(found->second);
  }
};

namespace exposition_detail {

inline bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  for (const char c : text) {
    if (!(std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == ':')) return false;
  }
  return true;
}

inline std::optional<double> number(const std::string& text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || std::isspace(static_cast<unsigned char>(text[0])) || !std::isfinite(value)) {
    return {};
  }
  return value;
}

// {name="value",...} -> labels; advances `at` behind the brace.
inline std::optional<std::map<std::string, std::string>> labels(std::string_view line, size_t& at) {
  std::map<std::string, std::string> found;
  ++at;
  while (at < line.size() && line[at] != '}') {
    const size_t equals = line.find('=', at);
    if (equals == std::string_view::npos || equals + 1 >= line.size() || line[equals + 1] != '"') return {};
    const std::string name(line.substr(at, equals - at));
    std::string value;
    for (at = equals + 2; at < line.size() && line[at] != '"'; ++at) {
      if (line[at] == '\\') {
        if (++at >= line.size() || std::string_view("\\\"n").find(line[at]) == std::string_view::npos) return {};
        value += line[at] == 'n' ? '\n' : line[at];
      } else {
        value += line[at];
      }
    }
    if (at >= line.size() || !is_name(name) || !found.emplace(name, value).second) return {};
    ++at;
    if (at < line.size() && line[at] == ',') ++at;
  }
  if (at >= line.size()) return {};
  ++at;
  return found;
}

}  // namespace exposition_detail

inline Exposition read_exposition(const std::string& text) {
  using namespace exposition_detail;
  Exposition result;
  std::set<std::string> helped;
  std::string family;
  struct Histogram {
    double last_bound = -std::numeric_limits<double>::infinity();
    double last_count = 0;
    bool has_sum = false;
    std::optional<double> count;
  };
  std::map<std::string, Histogram> histograms;  // by family and labels without le
  const auto bad = [&](const std::string& line, std::string_view why) {
    result.error = fmt::format("{}: {}", why, line);
    return result;
  };
  if (!text.ends_with('\n')) return bad(text.substr(text.size() - std::min<size_t>(text.size(), 80)), "no end of line");

  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# HELP ")) {
      family = line.substr(7, line.find(' ', 7) - 7);
      if (!is_name(family) || !helped.insert(family).second) return bad(line, "name of HELP");
      continue;
    }
    if (line.starts_with("# TYPE ")) {
      const size_t space = line.find(' ', 7);
      const std::string name = line.substr(7, space - 7);
      const std::string type = line.substr(space + 1);
      if (name != family || (type != "counter" && type != "gauge" && type != "histogram")) return bad(line, "TYPE");
      if (!result.types.emplace(name, type).second) return bad(line, "a family twice");
      if (type == "counter" && !name.ends_with("_total")) return bad(line, "a counter without _total");
      continue;
    }
    size_t at = std::min(line.find_first_of("{ "), line.size());
    const std::string name = line.substr(0, at);
    std::map<std::string, std::string> label_map;
    if (at < line.size() && line[at] == '{') {
      const auto parsed = labels(line, at);
      if (!parsed) return bad(line, "labels");
      label_map = *parsed;
    }
    const std::string series = line.substr(0, at);
    if (!is_name(name) || at >= line.size() || line[at] != ' ') return bad(line, "sample");
    const auto value = number(line.substr(at + 1));
    if (!value) return bad(line, "value");
    if (!result.samples.emplace(series, *value).second) return bad(line, "a series twice");
    if (!result.types.contains(family)) return bad(line, "a sample before its TYPE");
    if (result.types[family] != "histogram") {
      if (name != family) return bad(line, "a sample of another family");
      if (result.types[family] == "counter" && *value < 0) return bad(line, "a negative counter");
      continue;
    }
    const auto le = label_map.find("le");
    const std::string bound = le == label_map.end() ? "" : le->second;
    label_map.erase("le");
    std::string key = family;
    for (const auto& [label, label_value] : label_map) key += "|" + label + "=" + label_value;
    Histogram& histogram = histograms[key];
    if (name == family + "_bucket") {
      const auto upper = number(bound);
      if (!upper || *upper <= histogram.last_bound || *value < histogram.last_count) return bad(line, "bucket");
      histogram.last_bound = *upper;
      histogram.last_count = *value;
    } else if (name == family + "_sum") {
      histogram.has_sum = true;
    } else if (name == family + "_count") {
      histogram.count = *value;
    } else {
      return bad(line, "a sample of another family");
    }
  }
  for (const auto& [key, histogram] : histograms) {
    if (!std::isinf(histogram.last_bound) || !histogram.has_sum || histogram.count != histogram.last_count) {
      return bad(key, "an unsound histogram");
    }
  }
  return result;
}

}  // namespace lode::server

#include "apps/eval_chart.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fmt/format.h>

#include "apps/svg.h"

namespace lode::apps {
namespace {

using svg::escaped;
using svg::line;
using svg::text_at;

// Everything in pixels of a picture that is kWidth wide.
constexpr double kWidth = 960, kMargin = 28, kHead = 96, kTaskHeight = 168, kFoot = 44;
constexpr double kBarsLeft = kMargin + 22, kBarsRight = 420, kItemsLeft = 516, kItemsRight = kWidth - kMargin;
constexpr double kBarHeight = 26, kBarStep = 38, kItemsHeight = 92;
constexpr double kLetter = 7.2;  // of the small type, about

constexpr const char* kStyle = R"(<style>
svg { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-size: 13px; }
.paper { fill: #ffffff; } .ink { fill: #1c2430; } .quiet { fill: #5c6673; } .grid { stroke: #e3e7ec; }
.axis { stroke: #8b95a3; } .whisker { stroke: #1c2430; stroke-width: 1.6; } .dot { fill: #1c2430; }
.first { fill: #d9822b; } .second { fill: #2f6fd0; }
.title { font-size: 18px; font-weight: 600; } .task { font-size: 15px; font-weight: 600; }
.end { text-anchor: end; } .middle { text-anchor: middle; } .number { font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) {
.paper { fill: #14181e; } .ink { fill: #e8ecf1; } .quiet { fill: #9aa5b3; } .grid { stroke: #2a313b; }
.axis { stroke: #66707e; } .whisker { stroke: #f2f5f8; } .dot { fill: #f2f5f8; }
.first { fill: #e89a4b; } .second { fill: #5b96ee; }
}
</style>
)";

// At most n_letters, the rest cut off.
std::string fitted(std::string_view text, double width, double letter = kLetter) {
  const auto n_letters = static_cast<size_t>(std::max(1.0, width / letter));
  size_t n = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;  // inside a character
    if (++n > n_letters) return escaped(text.substr(0, i)) + "…";
  }
  return escaped(text);
}

std::string whisker(double low, double high, double y) {
  return line(low, y, high, y, "whisker") + line(low, y - 5, low, y + 5, "whisker") +
         line(high, y - 5, high, y + 5, "whisker");
}

// A round number at or above: 1, 2 or 5 times a power of ten.
double rounded_up(double x) {
  if (!(x > 0)) return 1;
  const double power = std::pow(10, std::floor(std::log10(x)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (x <= step * power * (1 + 1e-9)) return step * power;
  }
  return 10 * power;
}

// "+3.38", with a true minus sign.
std::string with_sign(double x) {
  const std::string digits = fmt::format("{:.2f}", std::abs(x));
  return digits == "0.00" ? digits : (x < 0 ? "−" : "+") + digits;
}

std::string p_text(double p) {
  return p < 0.0001 ? "p &lt; 0.0001" : fmt::format("p = {:.4f}", p);
}

std::string bars(const ComparedTask& task, double top) {
  const eval::Comparison& result = task.result;
  const double scale = task.scale();
  double most = scale == 100 ? 1 : 0;  // a share has a natural end
  if (scale != 100) {
    most = rounded_up(std::max({result.first_interval.high, result.second_interval.high, result.first, result.second}));
  }
  const auto x = [&](double value) {
    return kBarsLeft + std::clamp(value / most, 0.0, 1.0) * (kBarsRight - kBarsLeft);
  };
  std::string out;
  const double bottom = top + kBarStep + kBarHeight + 6;
  for (int quarter = 0; quarter <= 4; ++quarter) {
    const double value = most * quarter / 4;
    out += line(x(value), top - 6, x(value), bottom, quarter == 0 ? "axis" : "grid");
    out += text_at(x(value), bottom + 16, "quiet middle number", fmt::format("{:g}", value * scale));
  }
  const auto bar = [&](std::string_view letter, std::string_view style, double score, const eval::Interval& interval,
                       double y) {
    out += text_at(kBarsLeft - 8, y + kBarHeight / 2 + 4.5, "ink end", std::string(letter));
    out += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>\n", kBarsLeft,
                       y, x(score) - kBarsLeft, kBarHeight, style);
    double end = x(score);
    if (std::isfinite(interval.low)) {
      out += whisker(x(interval.low), x(interval.high), y + kBarHeight / 2);
      end = std::max(end, x(interval.high));
    }
    out += text_at(end + 8, y + kBarHeight / 2 + 4.5, "ink number", fmt::format("{:.2f}", score * scale));
  };
  bar("A", "first", result.first, result.first_interval, top);
  bar("B", "second", result.second, result.second_interval, top + kBarStep);
  return out;
}

// The area between zero and the sorted differences of one sign; one step a pixel at most.
std::string area(const std::vector<double>& sorted, double middle, double unit, bool above, std::string_view style) {
  const double width = kItemsRight - kItemsLeft;
  const size_t n_steps = std::min(sorted.size(), static_cast<size_t>(width));
  const auto x = [&](size_t step) {
    return kItemsLeft + width * static_cast<double>(step) / static_cast<double>(n_steps);
  };
  std::string path = fmt::format("M{:.1f} {:.1f}", x(0), middle);
  for (size_t step = 0; step < n_steps; ++step) {
    const double value = sorted[step * sorted.size() / n_steps];
    const double shown = above ? std::max(value, 0.0) : std::min(value, 0.0);
    path += fmt::format("V{:.1f}H{:.1f}", middle - shown * unit, x(step + 1));
  }
  return fmt::format("<path d=\"{}V{:.1f}Z\" class=\"{}\"/>\n", path, middle, style);
}

std::string items(const ComparedTask& task, double top) {
  std::vector<double> sorted = task.result.differences;
  std::ranges::sort(sorted, std::greater{});
  const double most = rounded_up(std::max(std::abs(sorted.front()), std::abs(sorted.back())));
  const double middle = top + kItemsHeight / 2, unit = kItemsHeight / 2 / most;
  std::string out;
  for (const double value : {most, -most}) {
    out += line(kItemsLeft, middle - value * unit, kItemsRight, middle - value * unit, "grid");
    out += text_at(kItemsLeft - 8, middle - value * unit + 4.5, "quiet end number",
                   fmt::format("{}{:g}", value < 0 ? "−" : "+", std::abs(value) * task.scale()));
  }
  out += text_at(kItemsLeft - 8, middle + 4.5, "quiet end number", "0");
  out += area(sorted, middle, unit, true, "second");
  out += area(sorted, middle, unit, false, "first");
  out += line(kItemsLeft, middle, kItemsRight, middle, "axis");
  const eval::Comparison& result = task.result;
  // Under the part of the row where such items lie.
  const double below = top + kItemsHeight + 20;
  out += text_at(kItemsLeft, below, "quiet number", fmt::format("B better {}", result.n_better));
  out += text_at((kItemsLeft + kItemsRight) / 2, below, "quiet middle number", fmt::format("equal {}", result.n_equal));
  out += text_at(kItemsRight, below, "quiet end number", fmt::format("A better {}", result.n_worse));
  return out;
}

// Of a score without differences by item: the difference and its interval around zero.
std::string difference(const ComparedTask& task, double top) {
  const eval::Comparison& result = task.result;
  double most = std::abs(result.difference);
  if (std::isfinite(result.interval.low)) {
    most = std::max({most, std::abs(result.interval.low), std::abs(result.interval.high)});
  }
  most = rounded_up(most);
  const double centre = (kItemsLeft + kItemsRight) / 2, unit = (kItemsRight - kItemsLeft) / 2 / most;
  const double middle = top + kItemsHeight / 2;
  std::string out;
  for (const double value : {-most, 0.0, most}) {
    out +=
        line(centre + value * unit, top, centre + value * unit, top + kItemsHeight - 14, value == 0 ? "axis" : "grid");
    out += text_at(centre + value * unit, top + kItemsHeight + 4,
                   value == 0  ? "quiet middle number"
                   : value > 0 ? "quiet end number"
                               : "quiet number",
                   value == 0 ? "0" : fmt::format("{}{:g}", value < 0 ? "−" : "+", std::abs(value) * task.scale()));
  }
  if (std::isfinite(result.interval.low)) {
    out += whisker(centre + result.interval.low * unit, centre + result.interval.high * unit, middle - 7);
  }
  out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" class=\"{}\"/>\n", centre + result.difference * unit,
                     middle - 7, result.difference < 0 ? "first" : "second");
  return out;
}

std::string block(const ComparedTask& task, double top) {
  const eval::Comparison& result = task.result;
  const double scale = task.scale();
  const std::string heading = fitted(task.task, 220, 8.4);
  std::string out = fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"ink\"><tspan class=\"task\">{}</tspan>"
      "<tspan class=\"quiet\" dx=\"10\">{} · {} {}</tspan></text>\n",
      kMargin, top + 4, heading, fitted(task.measure, 150), result.n_items,
      escaped(task.item == "query" ? "queries" : task.item + "s"));
  out += text_at(kItemsLeft, top + 4, "ink number",
                 fmt::format("B − A {}, 95 % {} to {}, {}", with_sign(result.difference * scale),
                             with_sign(result.interval.low * scale), with_sign(result.interval.high * scale),
                             p_text(task.p_holm)));
  out += bars(task, top + 30);
  out += result.differences.empty() ? difference(task, top + 20) : items(task, top + 20);
  return out;
}

}  // namespace

double ComparedTask::scale() const {
  return std::max(std::abs(result.first), std::abs(result.second)) <= 1 ? 100 : 1;
}

std::string comparison_chart(const std::vector<ComparedTask>& tasks, const std::string& first_name,
                             const std::string& second_name) {
  const double height = kHead + kTaskHeight * static_cast<double>(tasks.size()) + kFoot;
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "role=\"img\">\n<title>{2} against {3}</title>\n",
      kWidth, height, escaped(first_name), escaped(second_name));
  out += kStyle;
  out += fmt::format("<rect class=\"paper\" width=\"{:.0f}\" height=\"{:.0f}\"/>\n", kWidth, height);
  out += text_at(kMargin, 36, "ink title", "Scores and differences by item");
  const auto key = [&](double x, std::string_view letter, std::string_view style, const std::string& name) {
    out += fmt::format("<rect x=\"{:.1f}\" y=\"53\" width=\"12\" height=\"12\" class=\"{}\"/>\n", x, style);
    out += text_at(x + 19, 64, "ink", fmt::format("{} {}", letter, fitted(name, kItemsLeft - kMargin - 60)));
  };
  key(kMargin, "A", "first", first_name);
  key(kItemsLeft, "B", "second", second_name);
  for (size_t i = 0; i < tasks.size(); ++i) {
    const double top = kHead + kTaskHeight * static_cast<double>(i) + 16;
    out += line(kMargin, top - 24, kWidth - kMargin, top - 24, "grid");
    out += block(tasks[i], top);
  }
  out += text_at(kMargin, height - 16, "quiet",
                 fmt::format("Whiskers: 95 % bootstrap intervals over the items. Right: B − A of each item, sorted. "
                             "p: paired, two-sided{}.",
                             tasks.size() > 1 ? ", Holm over the tasks" : ""));
  return out + "</svg>\n";
}

}  // namespace lode::apps

#include "apps/roofline.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>

#include <fmt/format.h>

#include "apps/svg.h"

namespace lode::apps {
namespace {

// Pixels.
constexpr double kRoofWidth = 960, kRoofHeight = 600;
constexpr double kRoofLeft = 84, kRoofRight = 800, kRoofTop = 84, kRoofBottom = 520;

constexpr std::string_view kRoofStyle = R"(<style>
svg { font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; font-size: 14px; }
.paper { fill: #ffffff; } .ink { fill: #1c2430; } .quiet { fill: #5c6673; } .grid { stroke: #e3e7ec; }
.axis { stroke: #8b95a3; } .slope { stroke: #1c2430; stroke-width: 2; } .roof { stroke-width: 2; }
.s0 { fill: #2f6fd0; stroke: #2f6fd0; } .s1 { fill: #c2620e; stroke: #c2620e; } .s2 { fill: #18814b; stroke: #18814b; }
.s3 { fill: #9a3fb0; stroke: #9a3fb0; } .s4 { fill: #5c6673; stroke: #5c6673; } text { stroke: none !important; }
.title { font-size: 18px; font-weight: 600; } .end { text-anchor: end; } .middle { text-anchor: middle; }
@media (prefers-color-scheme: dark) {
.paper { fill: #14181e; } .ink { fill: #e8ecf1; } .quiet { fill: #9aa5b3; } .grid { stroke: #2a313b; }
.axis { stroke: #66707e; } .slope { stroke: #e8ecf1; }
.s0 { fill: #6ea4f2; stroke: #6ea4f2; } .s1 { fill: #e89a4b; stroke: #e89a4b; } .s2 { fill: #55c48a; stroke: #55c48a; }
.s3 { fill: #cf8be0; stroke: #cf8be0; } .s4 { fill: #9aa5b3; stroke: #9aa5b3; } text { stroke: none !important; }
}
</style>
)";

std::string label_at(double x, double y, std::string_view style, std::string_view text) {
  return svg::text_at(x, y, style, svg::escaped(text));
}

// A logarithmic axis from low to high, laid onto pixels.
struct LogAxis {
  double low, high, from, to;
  [[nodiscard]] double at(double value) const {
    const double share = std::log(value / low) / std::log(high / low);
    return from + std::clamp(share, 0.0, 1.0) * (to - from);
  }
};

// Moves values, sorted downwards the page, apart until none is closer than `gap` to the one above.
void spread_apart(std::vector<double>& sorted, double gap) {
  for (size_t i = 1; i < sorted.size(); ++i) sorted[i] = std::max(sorted[i], sorted[i - 1] + gap);
}

class Drawing {
 public:
  explicit Drawing(const Roofline& data) : data_(data) {
    for (const Roof& roof : data.roofs) series_.push_back(roof.label);
    for (const RooflinePoint& point : data.points) {
      if (std::ranges::find(series_, point.series) == series_.end()) series_.push_back(point.series);
    }
    double most_rate = 0, least_rate = 1e300, most = 0, least = 1e300;
    for (const Roof& roof : data.roofs) {
      most_rate = std::max(most_rate, roof.rate);
      least_rate = std::min(least_rate, roof.rate);
      most = std::max(most, roof.rate / data.bandwidth);
      least = std::min(least, roof.rate / data.bandwidth);
    }
    for (const RooflinePoint& point : data.points) {
      most_rate = std::max(most_rate, point.rate);
      least_rate = std::min(least_rate, point.rate);
      most = std::max(most, point.intensity);
      least = std::min(least, point.intensity);
    }
    x_ = {std::exp2(std::floor(std::log2(least)) - 1), std::exp2(std::ceil(std::log2(most)) + 1), kRoofLeft,
          kRoofRight};
    y_ = {std::pow(10, std::floor(std::log10(least_rate / 2))), most_rate * 1.6, kRoofBottom, kRoofTop};
  }

  [[nodiscard]] std::string picture() const {
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
               "role=\"img\">\n<title>Roofline of matrix products</title>\n",
               kRoofWidth, kRoofHeight) +
           std::string(kRoofStyle) +
           fmt::format("<rect class=\"paper\" width=\"{}\" height=\"{}\"/>\n", kRoofWidth, kRoofHeight) + axes() +
           roofs() + points() + "</svg>\n";
  }

 private:
  [[nodiscard]] size_t colour(const std::string& series) const {
    return std::min<size_t>(static_cast<size_t>(std::ranges::find(series_, series) - series_.begin()), 4);
  }

  [[nodiscard]] std::string axes() const {
    std::string out = label_at(kRoofLeft, 34, "title ink", "Matrix products beside what this machine can do");
    out += label_at(kRoofLeft, 58, "quiet",
                    "lines: measured peaks and memory reads; dots: measured products, labelled by their rows of input");
    for (double value = x_.low; value <= x_.high * 1.001; value *= 4) {
      out += svg::line(x_.at(value), kRoofTop, x_.at(value), kRoofBottom, "grid");
      out += label_at(x_.at(value), kRoofBottom + 22, "quiet middle", fmt::format("{:g}", value));
    }
    for (double power = y_.low; power <= y_.high; power *= 10) {
      for (const double step : {1.0, 2.0, 5.0}) {
        if (step * power > y_.high) continue;
        out += svg::line(kRoofLeft, y_.at(step * power), kRoofRight, y_.at(step * power), "grid");
        out += label_at(kRoofLeft - 10, y_.at(step * power) + 5, "quiet end", fmt::format("{:g}", step * power));
      }
    }
    out += svg::line(kRoofLeft, kRoofBottom, kRoofRight, kRoofBottom, "axis");
    out += svg::line(kRoofLeft, kRoofTop, kRoofLeft, kRoofBottom, "axis");
    out += label_at((kRoofLeft + kRoofRight) / 2, kRoofBottom + 52, "ink middle",
                    "operations a byte of memory (weights once, rows in and out)");
    out += fmt::format(
        "<text transform=\"translate(24 {:.1f}) rotate(-90)\" class=\"ink middle\">10⁹ operations a second</text>\n",
        (kRoofTop + kRoofBottom) / 2);
    return out;
  }

  [[nodiscard]] std::string roofs() const {
    std::string out;
    double highest = 0;
    for (const Roof& roof : data_.roofs) highest = std::max(highest, roof.rate);
    // The slope enters the picture on the left or at the bottom.
    const double enters = std::max(x_.low, y_.low / data_.bandwidth);
    const double leaves = highest / data_.bandwidth;
    out += svg::line(x_.at(enters), y_.at(enters * data_.bandwidth), x_.at(leaves), y_.at(highest), "slope");
    const double middle = enters * std::pow(leaves / enters, 0.3);
    const double dx = x_.at(leaves) - x_.at(enters), dy = y_.at(highest) - y_.at(enters * data_.bandwidth);
    out += fmt::format(
        "<text transform=\"translate({:.1f} {:.1f}) rotate({:.1f})\" class=\"ink middle\">memory reads {:.3g} "
        "GB/s</text>\n",
        x_.at(middle) + 10, y_.at(middle * data_.bandwidth) + 18, std::atan2(dy, dx) * 180 / 3.141592653589793,
        data_.bandwidth);
    std::vector<Roof> sorted = data_.roofs;
    std::ranges::sort(sorted, [](const Roof& a, const Roof& b) { return a.rate > b.rate; });
    std::vector<double> places;
    for (const Roof& roof : sorted) places.push_back(y_.at(roof.rate) + 5);
    spread_apart(places, 19);
    for (size_t i = 0; i < sorted.size(); ++i) {
      const double y = y_.at(sorted[i].rate);
      out += svg::line(x_.at(sorted[i].rate / data_.bandwidth), y, kRoofRight, y,
                       fmt::format("roof s{}", colour(sorted[i].label)));
      out += label_at(kRoofRight + 10, places[i], fmt::format("s{}", colour(sorted[i].label)),
                      fmt::format("{} peak {:.4g}", sorted[i].label, sorted[i].rate));
    }
    return out;
  }

  [[nodiscard]] std::string points() const {
    std::string out;
    std::map<std::pair<std::string, std::string>, const RooflinePoint*> highest;
    for (const RooflinePoint& point : data_.points) {
      out += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" class=\"s{}\" "
          "fill-opacity=\"0.7\"><title>{}</title></circle>\n",
          x_.at(point.intensity), y_.at(point.rate), colour(point.series), svg::escaped(point.title));
      const RooflinePoint*& top = highest[{point.series, point.label}];
      if (top == nullptr || point.rate > top->rate) top = &point;
    }
    for (const auto& [key, point] : highest) {
      out += label_at(x_.at(point->intensity), y_.at(point->rate) - 10, fmt::format("s{} middle", colour(key.first)),
                      key.second);
    }
    // Series without a roof of their own, and what the colours are.
    double y = kRoofBottom - 20 * static_cast<double>(series_.size());
    for (const std::string& series : series_) {
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\" class=\"s{}\"/>\n", kRoofRight + 16, y - 5,
                         colour(series));
      out += label_at(kRoofRight + 28, y, "ink", series);
      y += 20;
    }
    return out;
  }

  const Roofline& data_;
  std::vector<std::string> series_;
  LogAxis x_{};
  LogAxis y_{};
};

}  // namespace

Roofline roofline_of(const std::vector<BenchRow>& rows) {
  Roofline out;
  for (const BenchRow& row : rows) {
    if (row.what == "memory read") out.bandwidth = row.value;
    // Peaks come with one thread and then with all.
    if (row.what.ends_with(" peak")) {
      const auto known = std::ranges::find(out.roofs, row.dtype, &Roof::label);
      if (known == out.roofs.end()) {
        out.roofs.push_back({row.dtype, row.value});
      } else {
        known->rate = std::max(known->rate, row.value);
      }
    }
    if (row.operations_per_byte) {
      out.points.push_back({row.dtype, row.shape.substr(0, row.shape.find(' ')),
                            fmt::format("{} {}, {}: {:.4g} {}", row.what, row.dtype, row.shape, row.value, row.unit),
                            *row.operations_per_byte, row.value});
    }
  }
  return out;
}

Result<std::string> roofline_svg(const Roofline& roofline) {
  const auto positive = [](double x) { return std::isfinite(x) && x > 0; };
  bool good = positive(roofline.bandwidth) && !roofline.roofs.empty() && !roofline.points.empty();
  for (const Roof& roof : roofline.roofs) good = good && positive(roof.rate);
  for (const RooflinePoint& point : roofline.points) good = good && positive(point.rate) && positive(point.intensity);
  if (!good) return fail(Code::invalid_argument, "a roofline needs peaks, the rate of memory reads and products");
  return Drawing(roofline).picture();
}

Status write_roofline(const std::vector<BenchRow>& rows, const std::string& file) {
  LODE_ASSIGN(const std::string svg, roofline_svg(roofline_of(rows)));
  std::ofstream out(file, std::ios::binary);
  out << svg;
  out.close();
  if (!out) return fail(Code::io, fmt::format("cannot write {}: {}", file, std::strerror(errno)));
  return {};
}

}  // namespace lode::apps

// Pieces of an SVG picture as text; coordinates in its units, looks by class. Pure.
#pragma once

#include <string>
#include <string_view>

namespace lode::apps::svg {

// Any text as XML text: what is no UTF-8 or cannot stand in XML is replaced.
std::string escaped(std::string_view text);
std::string text_at(double x, double y, std::string_view style, const std::string& escaped_text);
std::string line(double x1, double y1, double x2, double y2, std::string_view style);

}  // namespace lode::apps::svg

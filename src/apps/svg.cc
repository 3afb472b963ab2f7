#include "apps/svg.h"

#include <fmt/format.h>

#include "text/utf8.h"

namespace lode::apps::svg {

std::string escaped(std::string_view text) {
  const text::utf8::Repaired repaired(text);
  std::string out;
  for (const char c : repaired.text()) {
    // XML has neither control characters nor U+FFFE and U+FFFF.
    if (out.ends_with("\xef\xbf") && (c == '\xbe' || c == '\xbf')) {
      out += '\xbd';
      continue;
    }
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string text_at(double x, double y, std::string_view style, const std::string& escaped_text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", x, y, style, escaped_text);
}

std::string line(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     style);
}

}  // namespace lode::apps::svg

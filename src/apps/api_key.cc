#include "apps/api_key.h"

#include <algorithm>

namespace lode::apps {

std::string first_key(std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(",\r\n"), text.size());
    std::string_view entry = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (entry.starts_with(' ') || entry.starts_with('\t')) entry.remove_prefix(1);
    while (entry.ends_with(' ') || entry.ends_with('\t')) entry.remove_suffix(1);
    if (entry.empty() || entry.starts_with('#')) continue;
    const size_t colon = entry.find(':');
    return std::string(colon == std::string_view::npos ? entry : entry.substr(colon + 1));
  }
  return {};
}

}  // namespace lode::apps

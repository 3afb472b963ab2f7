// Replacing one string by another, for normalizers and decoders. Stateless: any thread may call.
#pragma once

#include <string>
#include <string_view>

namespace lode::text {

// Appends `text` with every `from`, which is not empty, made `to`.
inline void append_replaced(std::string_view text, std::string_view from, std::string_view to, std::string& out) {
  for (size_t at = 0;;) {
    const size_t found = text.find(from, at);
    out.append(text.substr(at, found - at));
    if (found == std::string_view::npos) return;
    out.append(to);
    at = found + from.size();
  }
}

}  // namespace lode::text

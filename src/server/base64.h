// Base64 with the standard alphabet and padding, the form in which clients read vectors. Any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lode::server {

void append_base64(std::string& out, std::span<const std::byte> bytes);
// Nothing where the text is not whole groups of that alphabet, padded at the end.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace lode::server

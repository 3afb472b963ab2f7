// Base64 with the standard alphabet and padding, the form in which clients read vectors. Encodes only. Any thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace lode::server {

void append_base64(std::string& out, std::span<const std::byte> bytes);

}  // namespace lode::server

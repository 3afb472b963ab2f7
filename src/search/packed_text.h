// A text as the index keeps it: one zstd frame with a check value. zstd is hidden in packed_text.cc. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lode::search {

std::string pack(std::string_view text);

// Errors: corrupt where the bytes are no such frame or unpack to another length than n_bytes.
Result<std::string> unpack(std::string_view packed, size_t n_bytes);

}  // namespace lode::search

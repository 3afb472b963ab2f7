// What somebody sent, short enough to be repeated in a message: a long text would come back as a longer answer. Any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lode {

inline constexpr size_t kMostExcerptBytes = 200;

// The text, or its first `most_bytes` bytes, not inside a character of UTF-8, with "..." behind.
std::string excerpt(std::string_view text, size_t most_bytes = kMostExcerptBytes);

}  // namespace lode

// Where the next page of an answer begins. To a client a cursor is a text without a meaning; one of another question
// is refused, so that pages of two questions are never mixed. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace lode::mcp {

// No answer goes on beyond this.
inline constexpr size_t kMostOffset = 10'000;

// `question`: all that the pages have in common.
std::string cursor_of(size_t offset, std::string_view question);
// Errors: invalid_argument for what is no cursor, or one of another question.
Result<size_t> offset_of(std::string_view cursor, std::string_view question);

}  // namespace lode::mcp

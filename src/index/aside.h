// Files that are not what a program does but beside it: tests, examples, documentation, scripts, what others wrote.
// Known by their paths. Pure; any thread.
#pragma once

#include <string_view>

namespace lode::index {

// What of the path says so, in the singular and without underscores: "test", "example", "vendor"; empty for all others.
std::string_view aside_word(std::string_view path);

}  // namespace lode::index

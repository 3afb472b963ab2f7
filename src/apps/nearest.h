// The name a user probably meant: for unknown commands, options, config keys and models. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lode::apps {

// The candidate with the fewest edits (insert, delete, replace, swap of neighbours; letter case is free) from `typed`,
// if that is close enough to be a slip; else "". The first of equals wins.
std::string nearest(std::string_view typed, std::span<const std::string> candidates);

}  // namespace lode::apps

// A key for a server of `lode serve`, from where that has its keys. Stateless; any thread.
#pragma once

#include <string>
#include <string_view>

namespace lode::apps {

// The first key of a file (--api-keys) or list (LODE_API_KEY), without its name; empty when there is none.
std::string first_key(std::string_view text);

}  // namespace lode::apps

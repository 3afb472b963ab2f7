// Which code this is: what `git describe` says of the source tree that was built. commit.cc is written by the build
// (cmake/commit.cmake). Any thread.
#pragma once

#include <string_view>

namespace lode::apps {

// "6fd3856bd1524d4d3b7e78945cf027e7000623ec", with "-dirty" behind it for a tree with changes; "" without git.
std::string_view build_commit();

}  // namespace lode::apps

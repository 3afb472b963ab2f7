// The control groups (cgroups, version 2 and 1) that this process is in. A limit of a group holds for all below it. Any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lode {

// The folders of the process's group of that controller ("" is version 2, which has one tree for all) and of each above
// it, its own first; empty where there is none. `root` stands in front of /proc and /sys; tests have one of their own.
std::vector<std::string> control_group_folders(const std::string& root, std::string_view controller);

// The first number behind `name` in a file of the kernel's; nothing where it cannot be read or has none ("max").
std::optional<int64_t> number_in(const std::string& path, std::string_view name = "");

}  // namespace lode

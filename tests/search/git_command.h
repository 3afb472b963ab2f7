// git, as a person would run it, without this machine's own settings.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace lode::test {

// Its output; the test ends where it fails.
inline std::string git(const std::filesystem::path& folder, const std::string& arguments) {
  const std::string command =
      "env -i PATH=/usr/bin:/bin HOME=/nowhere GIT_CONFIG_NOSYSTEM=1 git -C '" + folder.string() +
      "' -c core.excludesFile= -c user.name=a -c user.email=a@b.c -c init.defaultBranch=main " + arguments;
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::string out;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
  if (::pclose(pipe) != 0) {
    std::fprintf(stderr, "failed: %s\n", command.c_str());
    std::abort();
  }
  return out;
}

}  // namespace lode::test

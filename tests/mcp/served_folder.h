// A small folder behind the protocol, indexed whole; asks it as a client does.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "../base/temporary.h"
#include "mcp/protocol.h"
#include "mcp/tools.h"
#include "search/library.h"

namespace lode::test {

class ServedFolder {
 public:
  using Json = nlohmann::ordered_json;

  ServedFolder() {
    write("auth/session.py",
          "class Session:\n    def check_token(self, token):\n        \"\"\"Whether the session token holds.\"\"\"\n"
          "        return token in self.tokens\n\n    def drop(self):\n        self.tokens = set()\n");
    write("auth/login.py",
          "def login(user, password):\n    session = Session()\n    return session.check_token(user)\n");
    write("docs/guide.md", "# Guide\n\nThe session token is checked at each request.\n");
    folder.write("outside/secret.txt", "the launch code of the session token\n");
    std::filesystem::create_symlink(folder.path() / "outside", folder.path() / "top/link");
    std::filesystem::create_symlink("../outside/secret.txt", folder.path() / "top/secret.txt");
  }

  void write(const std::string& path, std::string_view text) const { folder.write("top/" + path, text); }
  [[nodiscard]] std::filesystem::path top() const { return std::filesystem::canonical(folder.path() / "top"); }

  void serve(const std::filesystem::path& what) {
    search::LiveIndexOptions options{.index = folder.path() / ("index-" + what.filename().string()),
                                     .root = {.folder = what.string(), .revision = ""}};
    options.max_age = std::chrono::milliseconds(0);
    library.add(std::make_unique<search::LiveIndex>(std::move(options)));
  }

  Json ask(const Json& message) {
    const auto answer = protocol.answer(message.dump());
    EXPECT_TRUE(answer.has_value());
    return answer ? Json::parse(*answer) : Json();
  }
  // The result of a tool's call.
  Json call(const std::string& tool, const Json& arguments) {
    return ask({{"jsonrpc", "2.0"},
                {"id", 1},
                {"method", "tools/call"},
                {"params", {{"name", tool}, {"arguments", arguments}}}})["result"];
  }
  Json structured(const std::string& tool, const Json& arguments) {
    Json result = call(tool, arguments);
    EXPECT_EQ(result["isError"], false) << result.dump();
    return result["structuredContent"];
  }
  std::string refusal(const std::string& tool, const Json& arguments) {
    const Json result = call(tool, arguments);
    EXPECT_EQ(result["isError"], true) << result.dump();
    EXPECT_FALSE(result.contains("structuredContent"));
    return result["content"][0]["text"];
  }

  TemporaryFolder folder;
  search::Library library{std::chrono::seconds(30)};
  mcp::Tools tools{library};
  mcp::Protocol protocol{tools, "9.9"};
};

}  // namespace lode::test

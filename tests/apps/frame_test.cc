#include "apps/frame.h"

#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "apps/exit_code.h"

namespace lode::apps {
namespace {

using test::TemporaryFolder;
using test::Variable;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A frame with two commands whose options can be looked at after a run.
struct Trial {
  int port = 8080;
  std::string host = "here";
  std::vector<std::string> names;
  bool strict = false;
  std::string other_host = "here";
  Status result;
  bool did_run = false;
  bool did_compare = false;
  std::vector<std::string> files;
  Globals globals;

  int code = -1;
  std::string out;
  std::string err;

  // One run of `lode ARGS`.
  void run(std::vector<std::string> args) {
    Frame frame;
    CLI::App& serve = frame.add("serve", "Serves", "lode serve --port 9000", [&] {
      did_run = true;
      globals = frame.globals();
      return result;
    });
    serve.add_option("--port", port, "Port")->check(CLI::Range(1, 65535));
    serve.add_option("--host", host, "Host");
    serve.add_option("--name", names, "Names");
    serve.add_flag("--strict-nim", strict, "Strict");
    CLI::App& search =
        frame.add("search", "Searches", "lode search x", []() -> Status { throw std::runtime_error("a bug"); });
    search.add_option("--host", other_host, "Host");
    CLI::App& compare = frame.add("search compare", "Compares", "lode search compare a b", [&]() -> Status {
      did_compare = true;
      return {};
    });
    compare.add_option("files", files, "Files")->required()->expected(2);
    std::vector<const char*> argv{"lode"};
    for (const std::string& arg : args) argv.push_back(arg.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    code = frame.run(static_cast<int>(argv.size()), argv.data());
    out = ::testing::internal::GetCapturedStdout();
    err = ::testing::internal::GetCapturedStderr();
  }
};

TEST(Frame, RunsTheChosenCommandWithItsOptions) {
  Trial trial;
  trial.run({"serve", "--port", "9000", "--name", "a", "b", "--threads", "3", "--json"});
  EXPECT_EQ(trial.code, kExitDone) << trial.err;
  EXPECT_TRUE(trial.did_run);
  EXPECT_EQ(trial.port, 9000);
  EXPECT_THAT(trial.names, ElementsAre("a", "b"));
  EXPECT_EQ(trial.globals.threads, 3);
  EXPECT_TRUE(trial.globals.json);
  EXPECT_FALSE(trial.globals.quiet);
}

TEST(Frame, TakesACommandOfTwoWordsForOneOfItsOwn) {
  Trial trial;
  trial.run({"--threads", "5", "search", "compare", "a", "b"});
  EXPECT_EQ(trial.code, kExitDone) << trial.err;
  EXPECT_TRUE(trial.did_compare);
  EXPECT_THAT(trial.files, ElementsAre("a", "b"));
  trial.run({"search", "compare", "a", "b", "--host", "x"});
  EXPECT_EQ(trial.code, kExitUsage) << "--host is of `lode search`";
  EXPECT_THAT(trial.err, HasSubstr("unknown option --host for `lode search compare`"));
  trial.run({"search", "compare", "--help"});
  EXPECT_EQ(trial.code, kExitDone);
  EXPECT_THAT(trial.out, HasSubstr("lode search compare a b"));
  EXPECT_THAT(trial.out, HasSubstr("Usage: lode search compare"));
  trial.run({"--help"});
  EXPECT_THAT(trial.out, HasSubstr("  search compare "));
  trial.run({"serve", "--name", "search", "compare"});
  EXPECT_THAT(trial.names, ElementsAre("search", "compare")) << "only where a command stands";
}

TEST(Frame, TakesCommonOptionsBeforeTheCommandToo) {
  Trial trial;
  trial.run({"--threads", "5", "--quiet", "serve"});
  EXPECT_EQ(trial.code, kExitDone) << trial.err;
  EXPECT_EQ(trial.globals.threads, 5);
  EXPECT_TRUE(trial.globals.quiet);
}

TEST(Frame, MapsEachErrorToOneLineAndItsExitCode) {
  for (const auto& [code, exit] : {std::pair(Code::invalid_argument, 2),
                                   {Code::cancelled, 130},
                                   {Code::io, 1},
                                   {Code::corrupt, 1},
                                   {Code::not_found, 1},
                                   {Code::internal, 1},
                                   {Code::too_long, 1}}) {
    Trial trial;
    trial.result = fail(code, "seen\nthis\x1b[2J", "Do that");
    trial.run({"serve"});
    EXPECT_EQ(trial.code, exit);
    EXPECT_EQ(trial.err, "lode: seen\\nthis\\x1b[2J. Do that\n");
    EXPECT_EQ(trial.out, "");
  }
}

TEST(Frame, ReportsAnExceptionAsAFailure) {
  Trial trial;
  trial.run({"search"});
  EXPECT_EQ(trial.code, kExitFailed);
  EXPECT_EQ(trial.err, "lode: unexpected failure: a bug\n");
}

TEST(Frame, PutsCommandLineBeforeEnvironmentBeforeFileBeforeDefault) {
  const TemporaryFolder folder;
  const std::string file = folder.write("lode.toml", "threads = 1\n[serve]\nport = 1001\nhost = \"file\"\n").string();
  const Variable port("LODE_PORT", "2002");
  const Variable threads("LODE_THREADS", "2");
  Trial trial;
  trial.run({"serve", "--config", file, "--threads", "3"});
  EXPECT_EQ(trial.code, kExitDone) << trial.err;
  EXPECT_EQ(trial.globals.threads, 3);  // command line
  EXPECT_EQ(trial.port, 2002);          // environment
  EXPECT_EQ(trial.host, "file");        // file
  EXPECT_TRUE(trial.names.empty());     // default
}

TEST(Frame, ReadsEveryKindOfValueFromTheFile) {
  const TemporaryFolder folder;
  const std::string file =
      folder.write("lode.toml", "quiet = true\n[serve]\nname = [\"a\", \"b c\"]\nstrict-nim = true\nport = 7\n")
          .string();
  Trial trial;
  trial.run({"--config", file, "serve"});
  EXPECT_EQ(trial.code, kExitDone) << trial.err;
  EXPECT_THAT(trial.names, ElementsAre("a", "b c"));
  EXPECT_TRUE(trial.strict);
  EXPECT_EQ(trial.port, 7);
  EXPECT_TRUE(trial.globals.quiet);
}

TEST(Frame, ReadsFlagsFromTheEnvironment) {
  for (const auto& [value, expected] :
       {std::pair("1", true), {"true", true}, {"0", false}, {"false", false}, {"", false}}) {
    const Variable strict("LODE_STRICT_NIM", value);
    Trial trial;
    trial.run({"serve"});
    EXPECT_EQ(trial.code, kExitDone) << trial.err;
    EXPECT_EQ(trial.strict, expected) << value;
  }
}

TEST(Frame, ATopLevelKeyIsForEveryCommandThatHasItAndATableBeatsIt) {
  const TemporaryFolder folder;
  const std::string file =
      folder.write("lode.toml", "host = \"top\"\nport = 7\n[serve]\nport = 8\nthreads = 2\n").string();
  Trial trial;
  trial.run({"serve", "--config", file});
  EXPECT_EQ(trial.code, kExitDone) << trial.err;
  EXPECT_EQ(trial.host, "top");
  EXPECT_EQ(trial.port, 8);
  EXPECT_EQ(trial.globals.threads, 2);
  trial.run({"search", "--config", file});
  EXPECT_EQ(trial.other_host, "top");
}

TEST(Frame, TheFileCanBeNamedByTheEnvironment) {
  const TemporaryFolder folder;
  const Variable config("LODE_CONFIG", folder.write("lode.toml", "[serve]\nport = 7\n").c_str());
  Trial trial;
  trial.run({"serve"});
  EXPECT_EQ(trial.port, 7);
  trial.run({"serve", "--config", folder.write("other.toml", "[serve]\nport = 9\n").string()});
  EXPECT_EQ(trial.port, 9);
}

TEST(Frame, RefusesUnknownKeysAndTablesByNameFileAndLine) {
  const TemporaryFolder folder;
  const std::vector<std::pair<std::string, std::string>> cases{
      {"[serve]\nprt = 1\n", "lode.toml:2: unknown key \"prt\". Did you mean \"port\"?"},
      {"thread = 1\n", "lode.toml:1: unknown key \"thread\". Did you mean \"threads\"?"},
      {"[search]\nport = 1\n", "lode.toml:2: unknown key \"port\""},  // another command's option in this one's table
      {"[sevre]\nport = 1\n", "lode.toml:1: unknown table \"sevre\". Did you mean \"serve\"?"},
      {"config = \"x\"\n", "lode.toml:1: unknown key \"config\""},
      {"help = true\n", "lode.toml:1: unknown key \"help\""},
  };
  for (const auto& [toml, message] : cases) {
    Trial trial;
    trial.run({"serve", "--config", folder.write("lode.toml", toml).string()});
    EXPECT_EQ(trial.code, kExitUsage) << toml;
    EXPECT_THAT(trial.err, HasSubstr(message));
    EXPECT_FALSE(trial.did_run);
  }
}

TEST(Frame, SaysWhereABadValueCameFrom) {
  const TemporaryFolder folder;
  Trial trial;
  trial.run({"serve", "--config", folder.write("lode.toml", "[serve]\nport = 70000\n").string()});
  EXPECT_EQ(trial.code, kExitUsage);
  EXPECT_THAT(trial.err, HasSubstr("lode.toml:2)"));
  const Variable port("LODE_PORT", "many");
  trial.run({"serve"});
  EXPECT_EQ(trial.code, kExitUsage);
  EXPECT_THAT(trial.err, HasSubstr("(from LODE_PORT)"));
  trial.run({"search", "--host", "x"});  // not this command's variable
  EXPECT_EQ(trial.code, kExitFailed);
}

TEST(Frame, SuggestsWhatWasMeant) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"serv"}, "lode: unknown command serv. Did you mean serve?\n"},
      {{"frobnicate", "--port", "1"}, "lode: unknown command frobnicate. See `lode --help`\n"},
      {{"serv", "--help"}, "lode: unknown command serv. Did you mean serve?\n"},
      {{"serve", "--prot=1"}, "lode: unknown option --prot for `lode serve`. Did you mean --port?\n"},
      {{"serve", "--thread", "1"}, "lode: unknown option --thread for `lode serve`. Did you mean --threads?\n"},
      {{"--jsno"}, "lode: unknown option --jsno. Did you mean --json?\n"},
      {{"serve", "extra"}, "lode: unexpected argument \"extra\" for `lode serve`. See `lode serve --help`\n"},
      {{}, "lode: no command given, expected one of serve, search. See `lode --help`\n"},
  };
  for (const auto& [args, line] : cases) {
    Trial trial;
    trial.run(args);
    EXPECT_EQ(trial.code, kExitUsage);
    EXPECT_EQ(trial.err, line);
    EXPECT_FALSE(trial.did_run);
  }
}

TEST(Frame, HelpOpensWithTheExample) {
  Trial trial;
  trial.run({"serve", "--help"});
  EXPECT_EQ(trial.code, kExitDone);
  EXPECT_THAT(trial.out, StartsWith("Example:\n  lode serve --port 9000\n"));
  for (const char* option : {"--port", "--threads", "--quiet", "--json", "--config"})
    EXPECT_THAT(trial.out, HasSubstr(option));
  trial.run({"--help"});
  EXPECT_THAT(trial.out, HasSubstr("Searches"));
  trial.run({"--version"});
  EXPECT_THAT(trial.out, StartsWith("lode "));
  EXPECT_FALSE(trial.did_run);
}

}  // namespace
}  // namespace lode::apps

#include "apps/staging.h"

#include <filesystem>
#include <string_view>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using test::read_all;
using test::TemporaryFolder;
using ::testing::HasSubstr;

constexpr std::string_view kSumOfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

Result<Staging> open(const fs::path& store) {
  return Staging::open(store, "model", [] {});
}

TEST(FileWriter, HashesWhatItKeepsAndWhatItAdds) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("part", "ab");
  auto writer = FileWriter::open(path, true, Digest::sha256);
  ASSERT_TRUE(writer);
  EXPECT_EQ(writer->size(), 2u);
  ASSERT_TRUE(writer->append(bytes("c")));
  EXPECT_EQ(writer->size(), 3u);
  EXPECT_EQ(*writer->finish(), kSumOfAbc);
  EXPECT_EQ(read_all(path), "abc");
}

TEST(FileWriter, StartsAgainFromNothing) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("part", "old and long");
  auto writer = FileWriter::open(path, false, Digest::sha256);
  ASSERT_TRUE(writer);
  EXPECT_EQ(writer->size(), 0u);
  ASSERT_TRUE(writer->append(bytes("wrong")));
  ASSERT_TRUE(writer->restart());
  ASSERT_TRUE(writer->append(bytes("abc")));
  EXPECT_EQ(*writer->finish(), kSumOfAbc);
  EXPECT_EQ(read_all(path), "abc");
}

TEST(FileWriter, DoesNotFollowALinkThatWasPutInItsPlace) {
  const TemporaryFolder folder;
  const fs::path mine = folder.write("mine", "mine");
  fs::create_symlink(mine, folder.path() / "part");
  EXPECT_EQ(FileWriter::open(folder.path() / "part", false, Digest::sha256).error().code, Code::io);
  EXPECT_EQ(read_all(mine), "mine");
}

TEST(FileWriter, AFullDiskIsAnErrorThatSaysSo) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  auto writer = FileWriter::open("/dev/full", false, Digest::sha256);
  if (!writer) GTEST_SKIP() << "cannot open /dev/full: " << writer.error().line();
  EXPECT_THAT(writer->append(bytes("abc")).error().line(), HasSubstr("No space left on device. Free some space"));
}

TEST(Staging, ShowsTheModelOnlyAtTheEndAndWithNothingElse) {
  const TemporaryFolder store;
  auto staging = open(store.path());
  ASSERT_TRUE(staging);
  for (const char* path : {"config.json", "1_Pooling/config.json", "old/rest.part", "config.json.123.part"})
    ASSERT_TRUE(FileWriter::open(*staging->place(path), false, Digest::sha256));
  EXPECT_FALSE(fs::exists(store.path() / "model"));
  const std::vector<std::string> paths{"config.json", "1_Pooling/config.json"};
  ASSERT_TRUE(staging->commit(paths));
  std::vector<std::string> seen;
  for (const auto& entry : fs::recursive_directory_iterator(store.path() / "model"))
    seen.push_back(entry.path().lexically_relative(store.path() / "model").string());
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre("1_Pooling", "1_Pooling/config.json", "config.json"));
}

TEST(Staging, FindsWhatAnEarlierRunLeft) {
  const TemporaryFolder store;
  {
    auto staging = open(store.path());
    ASSERT_TRUE(staging);
    auto writer = FileWriter::open(*staging->place("w.part"), true, Digest::sha256);
    ASSERT_TRUE(writer->append(bytes("ab")));
  }
  auto staging = open(store.path());
  ASSERT_TRUE(staging);
  EXPECT_EQ(FileWriter::open(*staging->place("w.part"), true, Digest::sha256)->size(), 2u);
}

TEST(Staging, OneHolderAtATime) {
  const TemporaryFolder store;
  auto first = open(store.path());
  ASSERT_TRUE(first);
  bool waited = false;
  std::thread release([&, holder = std::move(*first)]() mutable {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    const Staging gone = std::move(holder);
  });
  const auto second = Staging::open(store.path(), "model", [&] { waited = true; });
  release.join();
  EXPECT_TRUE(second);
  EXPECT_TRUE(waited);
}

TEST(Staging, RefusesMoreThanTheDiskHas) {
  const TemporaryFolder store;
  auto staging = open(store.path());
  ASSERT_TRUE(staging);
  EXPECT_TRUE(staging->require_space(1));
  EXPECT_THAT(staging->require_space(uint64_t{1} << 62).error().line(), HasSubstr("model needs 4.6 EB on the disk of"));
}

TEST(Staging, LeavesWhatIsInTheWay) {
  const TemporaryFolder store;
  store.write("model/notes.txt", "mine");
  auto staging = open(store.path());
  ASSERT_TRUE(staging);
  EXPECT_THAT(staging->commit({}).error().line(), HasSubstr("is in the way"));
  EXPECT_EQ(read_all(store.path() / "model/notes.txt"), "mine");
}

}  // namespace
}  // namespace lode::apps

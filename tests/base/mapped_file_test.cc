#include "base/mapped_file.h"

#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace lode {
namespace {

class MappedFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "lode-base-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, std::string_view bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  std::filesystem::path folder_;
};

TEST_F(MappedFileTest, MapsTheBytes) {
  const auto file = MappedFile::open(write("a", std::string_view("x\0y", 3)));
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->text(), std::string_view("x\0y", 3));
  EXPECT_EQ(file->bytes().size(), 3u);
}

TEST_F(MappedFileTest, AnEmptyFileIsEmpty) {
  const auto file = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->bytes().empty());
  file->release(file->bytes().data(), 0);
}

TEST_F(MappedFileTest, MovesKeepOneOwner) {
  auto first = MappedFile::open(write("a", "abc"));
  ASSERT_TRUE(first.has_value());
  MappedFile second = std::move(*first);
  EXPECT_TRUE(first->bytes().empty());
  MappedFile third;
  third = std::move(second);
  EXPECT_EQ(third.text(), "abc");
}

TEST_F(MappedFileTest, RefusesWhatIsNoFile) {
  const auto absent = MappedFile::open(folder_ / "absent");
  ASSERT_FALSE(absent.has_value());
  EXPECT_EQ(absent.error().code, Code::not_found);
  EXPECT_NE(absent.error().message.find("absent"), std::string::npos);
  const auto folder = MappedFile::open(folder_);
  ASSERT_FALSE(folder.has_value());
  EXPECT_NE(folder.error().message.find("is a folder"), std::string::npos);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const auto pipe = MappedFile::open(folder_ / "pipe");  // and does not wait for a writer
  ASSERT_FALSE(pipe.has_value());
  EXPECT_NE(pipe.error().message.find("not a regular file"), std::string::npos);
}

size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(MappedFileTest, ReleaseGivesPagesBackAndTheyReadTheSameAgain) {
  constexpr size_t kBytes = size_t{32} << 20;
  const auto path = write("large", std::string(kBytes, 'q'));
  const auto file = MappedFile::open(path);
  ASSERT_TRUE(file.has_value());
  const auto sum = [&] {
    size_t total = 0;
    for (const std::byte b : file->bytes()) total += static_cast<size_t>(b);
    return total;
  };
  const size_t before_release = sum();
  const size_t resident = resident_bytes();
  file->release(file->bytes().data() + 1, kBytes - 1);
  EXPECT_LT(resident_bytes() + kBytes / 2, resident);
  EXPECT_EQ(sum(), before_release);
}

TEST_F(MappedFileTest, ReadFileTakesTheWholeFileAndRefusesALargerOne) {
  EXPECT_EQ(read_file(write("a", "hello")).value(), "hello");
  EXPECT_EQ(read_file(write("empty", "")).value(), "");
  const std::string large(300'000, 'z');
  EXPECT_EQ(read_file(write("large", large)).value(), large);
  EXPECT_EQ(read_file(folder_ / "a", 5).value(), "hello");
  const auto refused = read_file(folder_ / "a", 4);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Code::too_large);
  EXPECT_NE(refused.error().message.find("has 5 bytes, at most 4"), std::string::npos);
  EXPECT_EQ(read_file(folder_).error().code, Code::io);
  EXPECT_EQ(read_file(folder_ / "absent").error().code, Code::not_found);
}

TEST_F(MappedFileTest, ReadFileTakesFilesWithoutASize) {
  EXPECT_FALSE(read_file("/proc/self/status").value().empty());
  EXPECT_EQ(read_file("/dev/zero", 1000).error().code, Code::too_large);
}

TEST_F(MappedFileTest, ARegularFileIsReadAndAPipeIsNotWaitedFor) {
  const auto text = read_regular_file(write("a", "abc"));
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(*text, "abc");
  EXPECT_EQ(read_regular_file(folder_ / "a", 2).error().code, Code::too_large);
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const auto pipe = read_regular_file(folder_ / "pipe");
  ASSERT_FALSE(pipe.has_value());
  EXPECT_NE(pipe.error().message.find("pipe is not a regular file"), std::string::npos) << pipe.error().message;
  EXPECT_NE(read_regular_file(folder_).error().message.find("is a folder"), std::string::npos);
}

}  // namespace
}  // namespace lode

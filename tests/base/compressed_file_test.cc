// Files that are unpacked as they are read: the same bytes whatever the packing, and a clear error for broken ones.
#include "base/compressed_file.h"

#include <cstdlib>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "temporary.h"

namespace lode {
namespace {

namespace fs = std::filesystem;

class CompressedFileTest : public ::testing::Test {
 protected:
  // Packed by the tool of that name, and kept under a name that says nothing.
  fs::path packed(const std::string& tool, const std::string& bytes) const {
    const fs::path plain = folder_.write("plain", bytes), out = folder_.path() / "packed";
    const std::string command = tool + " -c <" + plain.string() + " >" + out.string();
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    return out;
  }

  test::TemporaryFolder folder_;
};

std::string noise(size_t n) {
  std::string out(n, '\0');
  uint32_t state = 1;
  for (char& c : out) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 28);  // packs well, and not to nothing
  }
  return out;
}

TEST_F(CompressedFileTest, GivesTheSameBytesWhateverThePacking) {
  for (const size_t n : {size_t{0}, size_t{1}, size_t{1} << 20, (size_t{3} << 20) + 7}) {
    const std::string bytes = noise(n);
    const auto plain = read_compressed(folder_.write("plain", bytes));
    ASSERT_TRUE(plain) << plain.error().line();
    EXPECT_EQ(*plain, bytes);
    for (const char* tool : {"gzip", "xz -0"}) {
      const auto got = read_compressed(packed(tool, bytes));
      ASSERT_TRUE(got) << got.error().line();
      EXPECT_EQ(*got, bytes) << tool << " of " << n;
    }
  }
}

TEST_F(CompressedFileTest, ReadsPieceByPiece) {
  const std::string bytes = noise(100'000);
  for (const char* tool : {"gzip", "xz -0"}) {
    auto file = CompressedFile::open(packed(tool, bytes));
    ASSERT_TRUE(file);
    std::string got;
    for (size_t n = 1; got.size() < bytes.size(); n = n * 3 % 9973 + 1) {
      std::string piece(n, '\0');
      const auto taken = file->read(piece);
      ASSERT_TRUE(taken);
      ASSERT_GT(*taken, 0U);
      got.append(piece, 0, *taken);
    }
    EXPECT_EQ(got, bytes);
    char one;
    EXPECT_EQ(file->read(std::span(&one, 1)), size_t{0});
  }
}

TEST_F(CompressedFileTest, TakesSeveralStreamsInOneFile) {
  for (const char* tool : {"gzip", "xz -0"}) {
    const std::string first = test::read_all(packed(tool, "one ")), second = test::read_all(packed(tool, "two"));
    const auto got = read_compressed(folder_.write("both", first + second));
    ASSERT_TRUE(got) << got.error().line();
    EXPECT_EQ(*got, "one two");
  }
}

TEST_F(CompressedFileTest, RefusesWhatIsCutOrChanged) {
  const std::string bytes = noise(50'000);
  for (const char* tool : {"gzip", "xz -0"}) {
    const std::string whole = test::read_all(packed(tool, bytes));
    for (const size_t keep : {size_t{12}, whole.size() / 2, whole.size() - 9, whole.size() - 1}) {
      const auto got = read_compressed(folder_.write("cut", whole.substr(0, keep)));
      ASSERT_FALSE(got) << tool << " kept " << keep;
      EXPECT_EQ(got.error().code, Code::corrupt);
    }
    std::string changed = whole;
    changed[changed.size() / 2] ^= 0x55;
    const auto got = read_compressed(folder_.write("changed", changed));
    ASSERT_FALSE(got) << tool;
    EXPECT_EQ(got.error().code, Code::corrupt);
  }
}

TEST_F(CompressedFileTest, KeepsToItsLimitAndNamesWhatIsMissing) {
  const auto large = read_compressed(packed("gzip", std::string(size_t{3} << 20, 'a')), size_t{1} << 20);
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Code::too_large);
  const auto absent = read_compressed(folder_.path() / "absent");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, Code::not_found);
  EXPECT_FALSE(read_compressed(folder_.path())) << "a folder is no file";
}

}  // namespace
}  // namespace lode

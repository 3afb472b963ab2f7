#include "apps/digest.h"

#include <string_view>

#include <gtest/gtest.h>

namespace lode::apps {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

TEST(Digest, KnowsTheSha256OfTheStandard) {
  Digest digest = Digest::sha256();
  digest.add(bytes("a"));
  digest.add(bytes("bc"));
  EXPECT_EQ(digest.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::sha256().hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, NamesBlobsAsGitDoes) {
  EXPECT_EQ(Digest::git_blob(0).hex(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");  // of the empty file
  Digest digest = Digest::git_blob(13);
  digest.add(bytes("test content\n"));
  EXPECT_EQ(digest.hex(), "d670460b4b4aece5915caf5c68d12f560a9fe3e4");
}

}  // namespace
}  // namespace lode::apps

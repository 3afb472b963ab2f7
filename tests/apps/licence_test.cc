#include "apps/licence.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "../base/temporary.h"

namespace lode::apps {
namespace {

TEST(Licence, ComesFromTheFrontMatterOfACard) {
  EXPECT_EQ(card_licence("---\nlanguage: en\nlicense: apache-2.0\ntags:\n- x\n---\n# Model\n"), "apache-2.0");
  EXPECT_EQ(card_licence("---\r\nlicense: \"cc-by-nc-4.0\"\r\n---\r\n"), "cc-by-nc-4.0");
  EXPECT_EQ(card_licence("---\nlicense: other\nlicense_name: nvidia-community\n---\n"), "nvidia-community");
  EXPECT_EQ(card_licence("---\nlicense: other\n---\n"), "other");
}

TEST(Licence, NothingElseOfACardIsTaken) {
  EXPECT_EQ(card_licence(""), "");
  EXPECT_EQ(card_licence("---"), "");
  EXPECT_EQ(card_licence("license: mit\n"), "");
  EXPECT_EQ(card_licence("---\ntags: x\n---\nlicense: mit\n"), "");
  EXPECT_EQ(card_licence("---\n  license: mit\n---\n"), "");
}

class FoundLicence : public ::testing::Test {
 protected:
  // A model folder of this name, empty.
  [[nodiscard]] std::filesystem::path folder(const std::string& name) const {
    std::filesystem::create_directory(temporary_.path() / name);
    return temporary_.path() / name;
  }

  test::TemporaryFolder temporary_;
};

TEST_F(FoundLicence, OfAKnownModelByItsName) {
  const Licence licence = find_licence(folder("NV-Embed-v1") / "", "");
  EXPECT_EQ(licence.name, "CC-BY-NC-4.0");
  EXPECT_EQ(licence.restriction, "non-commercial use only");
  EXPECT_EQ(find_licence(folder("all-MiniLM-L6-v2"), "").restriction, "");
}

TEST_F(FoundLicence, OfAnotherFolderByItsCardThenByItsOrigin) {
  const auto mine = folder("mine");
  EXPECT_EQ(find_licence(mine, "").name, "");
  const Licence by_origin = find_licence(mine, "nvidia/NV-Embed-v2");
  EXPECT_EQ(by_origin.restriction, "non-commercial use only");
  EXPECT_EQ(by_origin.source, "the origin nvidia/NV-Embed-v2 in config.json");
  temporary_.write("mine/README.md", "---\nlicense: mit\n---\n");
  const Licence by_card = find_licence(mine, "nvidia/NV-Embed-v2");
  EXPECT_EQ(by_card.name, "mit");
  EXPECT_EQ(by_card.restriction, "");
  EXPECT_EQ(by_card.source, "README.md");
}

}  // namespace
}  // namespace lode::apps

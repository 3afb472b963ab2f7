#include "apps/model_cards.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"
#include "apps/model_store.h"

namespace lode::apps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(CardLanguages, StandInTheFrontMatterAsAWordOrAList) {
  EXPECT_THAT(card_languages("---\nlanguage: en\nlicense: mit\n---\n"), ElementsAre("en"));
  EXPECT_THAT(card_languages("---\nlanguage: [en, 'de']\n---\n"), ElementsAre("en", "de"));
  EXPECT_THAT(card_languages("---\nlanguage:\n- en\n  - fr\ntags:\n- x\n---\n"), ElementsAre("en", "fr"));
  EXPECT_THAT(card_languages("# no front matter\nlanguage: en\n"), IsEmpty());
}

TEST(ModelCards, EveryKnownModelHasOne) {
  const test::TemporaryFolder temporary;
  for (const KnownModel& known : known_models()) {
    const auto folder = temporary.path() / std::string(known.name);
    std::filesystem::create_directory(folder);
    const server::ModelCard card = read_model_card(folder);
    EXPECT_GT(card.n_parameters, 0) << known.name;
    EXPECT_EQ(card.licence, known.licence);
    EXPECT_THAT(card.url, HasSubstr(std::string(known.hub_id)));
    EXPECT_FALSE(card.limits.empty()) << known.name;
  }
}

TEST(ModelCards, OfAnUnknownFolderSayWhatItsFilesSay) {
  const test::TemporaryFolder temporary;
  std::filesystem::create_directory(temporary.path() / "mine");
  EXPECT_EQ(read_model_card(temporary.path() / "mine").licence, "");
  temporary.write("mine/README.md", "---\nlanguage: nl\nlicense: cc-by-nc-4.0\n---\n");
  temporary.write("mine/LICENSE", "abc");
  const server::ModelCard card = read_model_card(temporary.path() / "mine");
  EXPECT_EQ(card.restriction, "non-commercial use only");
  EXPECT_EQ(card.licence_url, "https://creativecommons.org/licenses/by-nc/4.0/");
  EXPECT_EQ(card.licence_text, "abc");
  EXPECT_EQ(card.licence_sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_THAT(card.languages, ElementsAre("nl"));
  EXPECT_EQ(card.n_parameters, 0);
}

}  // namespace
}  // namespace lode::apps

#include "weights/shard_index.h"

#include <gtest/gtest.h>

#include "model_folder.h"

namespace lode::weights {
namespace {

using testing::outcome;

std::string outcome_of(std::string_view text) {
  return outcome(parse_shard_index(text, "i.json"));
}
std::string outcome_of_name(std::string_view file) {
  return outcome_of(fmt::format(R"({{"weight_map":{{"w":"{}"}}}})", file));
}

TEST(ShardIndex, SortsFilesAndTensors) {
  const auto index = parse_shard_index(
      R"({"metadata":{"total_size":"any"},"weight_map":{"z":"b.safetensors","a":"c.safetensors","k":"b.safetensors"}})",
      "i.json");
  ASSERT_TRUE(index.has_value()) << outcome(index);
  EXPECT_EQ(index->files, (std::vector<std::string>{"b.safetensors", "c.safetensors"}));
  ASSERT_EQ(index->rows.size(), 3u);
  EXPECT_EQ(index->rows[0].tensor, "a");
  EXPECT_EQ(index->files[index->find("a")->file], "c.safetensors");
  EXPECT_EQ(index->files[index->find("z")->file], "b.safetensors");
  EXPECT_EQ(index->find("b"), nullptr);
}

TEST(ShardIndex, AnythingButATableOfNamesIsRefused) {
  EXPECT_SAYS(outcome_of("{"), "corrupt: i.json is not valid JSON");
  EXPECT_SAYS(outcome_of("[]"), "i.json is array, expected an object");
  EXPECT_SAYS(outcome_of("{}"), "weight_map is missing, expected an object");
  EXPECT_SAYS(outcome_of(R"({"weight_map":["a"]})"), "weight_map is array, expected an object");
  EXPECT_SAYS(outcome_of(R"({"weight_map":{}})"), "weight_map is empty");
  EXPECT_SAYS(outcome_of(R"({"weight_map":{"w":["a.safetensors"]}})"), "tensor \"w\" is mapped to [\"a.safetensors\"]",
              "expected a file name");
}

TEST(ShardIndex, NamesThatCouldLeaveTheFolderAreRefused) {
  EXPECT_EQ(outcome_of_name("..safetensors"), "accepted");
  for (const std::string_view name :
       {"../w.safetensors", "/etc/passwd", "sub/w.safetensors", "..", ".", "", "a\\\\b", "a\\u0000b"}) {
    EXPECT_SAYS(outcome_of_name(name), "corrupt: i.json: tensor \"w\" is mapped to",
                "the name of a file in the same folder");
  }
  EXPECT_SAYS(outcome_of_name(std::string(256, 'a')), "the name of a file in the same folder");
}

TEST(ShardIndex, ATensorListedTwiceIsRefused) {
  EXPECT_SAYS(outcome_of(R"({"weight_map":{"w":"a.safetensors","v":"a.safetensors","w":"b.safetensors"}})"),
              "i.json: tensor \"w\" is listed twice (in \"a.safetensors\" and \"b.safetensors\"), expected once");
}

}  // namespace
}  // namespace lode::weights

// Rounded matrices in GGUF files: what a file says of them comes back, and whatever does not fit is refused.
#include "weights/rounded_tensors.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/gguf_head.h"
#include "model_folder.h"
#include "weights/checkpoint.h"

namespace lode::weights {
namespace {

using kernels::Bits;
using testing::counting;
using testing::ModelFolder;
using testing::outcome;

constexpr std::string_view kUp = "blk.0.ffn_up.weight";

class RoundedFile : public ::testing::Test {
 protected:
  // A BERT of one rounded matrix [40, 24] in 4 bits and the three tables that its config.json is made of.
  RoundedFile() { start(); }
  void start() {
    head_ = {};
    head_.add("general.architecture", "bert");
    for (const char* key :
         {"bert.block_count", "bert.embedding_length", "bert.feed_forward_length", "bert.attention.head_count"}) {
      head_.add(key, uint32_t{1});
    }
  }

  std::string opened(const std::vector<RoundedTensor>& tensors, int64_t n_bytes, std::string_view type = "I8") {
    add_rounded_keys(tensors, head_);
    add_tensors(n_bytes, type);
    return open(checked_head(head_));
  }
  // The keys one by one; no groups, no key of them.
  void describe(int version, const std::vector<std::string>& types, const std::vector<int32_t>& rows, int32_t columns,
                const std::vector<int32_t>& groups) {
    start();
    head_.add("lode.rounded.version", static_cast<uint32_t>(version));
    head_.add("lode.rounded.tensors", std::vector<std::string>{std::string(kUp)});
    head_.add("lode.rounded.types", types);
    head_.add("lode.rounded.rows", std::span<const int32_t>(rows));
    head_.add("lode.rounded.columns", std::span<const int32_t>(std::vector<int32_t>{columns}));
    if (!groups.empty()) head_.add("lode.rounded.groups", std::span<const int32_t>(groups));
    head_.add_bytes("lode.rounded.check", std::string(8, '\0'));
  }
  void add_tensors(int64_t n_bytes, std::string_view type = "I8") {
    for (const char* name : {"token_embd.weight", "position_embd.weight", "token_types.weight"}) {
      head_.add_tensor(name, *gguf::find_tensor_type("F32"), std::vector<int64_t>{1, 1});
    }
    head_.add_tensor(kUp, *gguf::find_tensor_type(type), std::vector<int64_t>{n_bytes});
  }
  std::string open(const std::string& head) {
    path_ = folder_.write("m.gguf", head + counting(head_.data_bytes()));
    return outcome(Checkpoint::open(path_));
  }

  ModelFolder folder_;
  gguf::Head head_;
  std::filesystem::path path_;
};

const RoundedTensor kMatrix = {std::string(kUp), {Bits::four, true}, 40, 24};

TEST_F(RoundedFile, ShowsTheMatrixWithItsShapeAndPacking) {
  // Three panels of a block of 272 bytes and a scale a row.
  ASSERT_EQ(kMatrix.n_bytes(), 3 * (272 + 16 * 4));
  ASSERT_EQ(opened({kMatrix}, kMatrix.n_bytes()), "accepted");
  const auto checkpoint = Checkpoint::open(path_);
  const Tensor* const tensor = checkpoint->find("encoder.layer.0.intermediate.dense.weight");
  ASSERT_NE(tensor, nullptr);
  EXPECT_EQ(tensor->shape, (std::vector<int64_t>{40, 24}));
  EXPECT_EQ(tensor->packing, kMatrix.packing);
  EXPECT_EQ(tensor->group, 64);
  EXPECT_EQ(static_cast<int64_t>(tensor->n_bytes), kMatrix.n_bytes());
  EXPECT_EQ(type_name(*tensor), "int4-rotated");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data) % 32, 0U);
}

TEST_F(RoundedFile, RefusesAMatrixWhoseBytesAreNotThoseOfItsShape) {
  EXPECT_SAYS(opened({kMatrix}, kMatrix.n_bytes() - 1), "corrupt", "\"blk.0.ffn_up.weight\" of int4-rotated",
              "has 1007 bytes of I8", "1008", "[40, 24]");
}

TEST_F(RoundedFile, RefusesAMatrixThatIsNotBytes) {
  EXPECT_SAYS(opened({kMatrix}, kMatrix.n_bytes() / 4, "F32"), "corrupt", "1008 bytes of F32");
}

TEST_F(RoundedFile, RefusesAMatrixThatIsNotThere) {
  EXPECT_SAYS(opened({kMatrix, {"blk.1.ffn_up.weight", {Bits::four, true}, 40, 24}}, kMatrix.n_bytes()), "corrupt",
              "\"blk.1.ffn_up.weight\", which is not there");
}

TEST_F(RoundedFile, RefusesANameThatIsThereTwice) {
  EXPECT_SAYS(opened({kMatrix, kMatrix}, kMatrix.n_bytes()), "corrupt", "expected each name once");
}

TEST_F(RoundedFile, RefusesSizesThatAreNone) {
  EXPECT_SAYS(opened({{std::string(kUp), {Bits::eight, true}, 0, 24}}, 1), "corrupt", "[0, 24]");
}

TEST_F(RoundedFile, RefusesTheLargestSizesWithoutAnOverflow) {
  for (const int64_t group : {32, 4096}) {
    start();
    EXPECT_SAYS(opened({{std::string(kUp), {Bits::eight, true}, INT32_MAX, INT32_MAX, group}}, 64), "corrupt",
                "[2147483647, 2147483647]");
  }
}

TEST_F(RoundedFile, TakesTheGroupsThatItNames) {
  const RoundedTensor matrix = {std::string(kUp), {Bits::eight, true}, 20, 600, 96};
  ASSERT_EQ(matrix.n_bytes(), 2 * (600 * 16 + 7 * 16 * 4));
  ASSERT_EQ(opened({matrix}, matrix.n_bytes()), "accepted");
  EXPECT_EQ(Checkpoint::open(path_)->find("encoder.layer.0.intermediate.dense.weight")->group, 96);
}

TEST_F(RoundedFile, TakesTheGroupsOfVersion1FromTheColumns) {
  const std::pair<int32_t, int64_t> known[] = {{16, 128},    {384, 128},   {600, 256},  {1536, 384},
                                               {4095, 1024}, {4096, 1024}, {4097, 896}, {14336, 1024}};
  for (const auto& [columns, group] : known) {
    describe(1, {"int8-rotated"}, {3}, columns, {});
    add_tensors(RoundedTensor{"", {Bits::eight, true}, 3, columns, group}.n_bytes());
    ASSERT_EQ(open(checked_head(head_)), "accepted") << columns;
    EXPECT_EQ(Checkpoint::open(path_)->find("encoder.layer.0.intermediate.dense.weight")->group, group) << columns;
  }
}

TEST_F(RoundedFile, RefusesGroupsThatKernelsDoNotHave) {
  for (const int64_t group : {0, -32, 48, 4128}) {
    start();
    EXPECT_SAYS(opened({{std::string(kUp), {Bits::eight, true}, 20, 600, group}}, 64), "corrupt",
                fmt::format("has groups of {}, expected a multiple of 32 up to 4096", group));
  }
}

TEST_F(RoundedFile, RefusesListsOfDifferentLengthsAndUnknownTypes) {
  const auto with = [&](const std::vector<std::string>& types, const std::vector<int32_t>& rows,
                        int version = kRoundedVersion, const std::vector<int32_t>& groups = {128}) {
    describe(version, types, rows, 24, groups);
    add_tensors(kMatrix.n_bytes());
    return open(checked_head(head_));
  };
  EXPECT_EQ(with({"int4"}, {40}), "accepted");
  EXPECT_EQ(with({"int4"}, {40}, 1, {}), "accepted");
  EXPECT_SAYS(with({"int4"}, {40, 40}), "1 names, 1 types, 2 rows, 1 columns and 1 groups");
  EXPECT_SAYS(with({"int4"}, {40, 40}, 1, {}), "1 names, 1 types, 2 rows, 1 columns");
  EXPECT_SAYS(with({"int4"}, {40}, 2, {128, 128}), "1 columns and 2 groups");
  EXPECT_SAYS(with({"int4"}, {40}, 2, {}), "lode.rounded.groups is missing, expected an array");
  EXPECT_SAYS(with({"int3"}, {40}), "\"int3\" [40, 24]");
  EXPECT_SAYS(with({"int4"}, {-1}), "\"int4\" [-1, 24]");
}

TEST_F(RoundedFile, RefusesAHeadWithoutItsChecksumAndOneThatWasChanged) {
  add_rounded_keys({kMatrix}, head_);
  add_tensors(kMatrix.n_bytes());
  EXPECT_SAYS(open(head_.bytes()), "corrupt", "the checksum of the head is", "expected 0000000000000000");
  std::string head = checked_head(head_);
  ASSERT_EQ(open(head), "accepted");
  head[head.find("bert.block_count") + 16 + 4] ^= 2;
  EXPECT_SAYS(open(head), "corrupt", "the checksum of the head is");
}

TEST_F(RoundedFile, RefusesAVersionThatIsNotKnown) {
  head_.add("lode.rounded.version", kRoundedVersion + 1);
  add_tensors(kMatrix.n_bytes());
  EXPECT_SAYS(open(head_.bytes()), "unsupported", "lode.rounded.version is 3, expected 1 to 2");
}

TEST(Packings, HaveNamesThatAreFoundAgain) {
  for (const char* name : {"int8-rotated", "int4-rotated", "int4"}) EXPECT_EQ(packing_name(*find_packing(name)), name);
  EXPECT_FALSE(find_packing("int2").has_value());
}

}  // namespace
}  // namespace lode::weights

#include "weights/safetensors.h"

#include <algorithm>
#include <numeric>
#include <rapidcheck.h>

#include <gtest/gtest.h>

#include "model_folder.h"

namespace lode::weights {
namespace {

using testing::counting;
using testing::outcome;
using testing::safetensors_of;
using testing::TensorSpec;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Result<Header> parse(std::string_view file) {
  return parse_safetensors(bytes_of(file), "m.safetensors");
}
std::string outcome_of(std::string_view header, size_t n_data) {
  return outcome(parse(safetensors_of(header, counting(n_data))));
}

// A header of one tensor `w` with this entry.
std::string entry(std::string_view fields) {
  return fmt::format(R"({{"w":{{{}}}}})", fields);
}

TEST(Safetensors, ReadsNamesTypesShapesAndOffsets) {
  const auto header = parse(safetensors_of({{"a", "F32", {2, 3}, counting(24)}, {"b", "BF16", {}, counting(2)}}));
  ASSERT_TRUE(header.has_value()) << outcome(header);
  ASSERT_EQ(header->entries.size(), 2u);
  EXPECT_EQ(header->entries[0].name, "a");
  EXPECT_EQ(header->entries[0].dtype, "F32");
  EXPECT_EQ(header->entries[0].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(header->entries[1].begin, 24u);
  EXPECT_EQ(header->entries[1].end, 26u);
  EXPECT_TRUE(header->entries[1].shape.empty());
  EXPECT_EQ(header->data_start % 8, 0u);
}

TEST(Safetensors, EntriesMayBeListedInAnyOrderAndBeEmpty) {
  const auto header = parse(safetensors_of(R"({"b":{"dtype":"F16","shape":[1],"data_offsets":[2,4],"extra":null},)"
                                           R"("a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},)"
                                           R"("none":{"dtype":"F32","shape":[0,7],"data_offsets":[2,2]}}  )",
                                           counting(4)));
  ASSERT_TRUE(header.has_value()) << outcome(header);
  EXPECT_EQ(header->entries[0].name, "a");
  EXPECT_EQ(header->entries[1].name, "none");
  EXPECT_EQ(header->entries[2].name, "b");
  EXPECT_TRUE(parse(safetensors_of("{}", "")).has_value());
}

TEST(Safetensors, AFileTooShortForItsLengthIsRefused) {
  EXPECT_SAYS(outcome(parse("")), "corrupt: m.safetensors has 0 bytes, expected at least 8");
  EXPECT_SAYS(outcome(parse("1234567")), "has 7 bytes, expected at least 8");
  EXPECT_SAYS(outcome(parse(std::string(8, '\0'))), "m.safetensors: the header is not valid JSON: it is empty");
}

TEST(Safetensors, AHeaderLongerThanTheFileIsRefused) {
  std::string file = safetensors_of("{}", "");
  file[0] = 3;
  EXPECT_SAYS(outcome(parse(file)), "corrupt:", "the header claims 3 bytes, the file holds 2");
  EXPECT_SAYS(outcome(parse(std::string(16, '\xff'))), "claims 18446744073709551615 bytes, the file holds 8");
}

TEST(Safetensors, AHeaderOverTheLimitIsRefusedWithoutParsingIt) {
  const std::string file = safetensors_of(std::string(kMaxHeaderBytes + 1, ' '), "");
  EXPECT_SAYS(outcome(parse(file)), "the header claims 100000001 bytes, at most 100000000 are read");
}

TEST(Safetensors, AHeaderThatIsNoJsonObjectIsRefused) {
  EXPECT_SAYS(outcome_of("{\"a\":", 0), "corrupt: m.safetensors: the header is not valid JSON");
  EXPECT_SAYS(outcome_of("[]", 0), "the header is array, expected a JSON object");
  EXPECT_SAYS(outcome_of("12", 0), "the header is integer, expected a JSON object");
  EXPECT_SAYS(outcome_of("{\"\xff\":1}", 0), "not valid UTF-8");
  EXPECT_SAYS(outcome_of(std::string(5000, '[') + std::string(5000, ']'), 0), "nested deeper than");
}

TEST(Safetensors, BadMetadataIsRefused) {
  EXPECT_SAYS(outcome_of(R"({"__metadata__":[1]})", 0), "__metadata__ is [1], expected an object");
  EXPECT_SAYS(outcome_of(R"({"__metadata__":{"format":1}})", 0), "\"format\" is integer, expected a string");
}

TEST(Safetensors, AnEntryWithMissingFieldsIsRefused) {
  EXPECT_SAYS(outcome_of(R"({"w":[1,2]})", 0),
              "corrupt: m.safetensors: tensor \"w\": its entry is [1,2], expected an object");
  EXPECT_SAYS(outcome_of(entry(R"("shape":[1],"data_offsets":[0,4])"), 4), "tensor \"w\": dtype is missing");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","data_offsets":[0,4])"), 4), "tensor \"w\": shape is missing");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1])"), 4), "tensor \"w\": data_offsets is missing");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4])"), 4),
              "tensor \"w\": dtype is given twice");
}

TEST(Safetensors, AnEntryWithFieldsOfTheWrongKindIsRefused) {
  EXPECT_SAYS(outcome_of(entry(R"("dtype":32,"shape":[1],"data_offsets":[0,4])"), 4), "dtype is 32, expected a string");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":1,"data_offsets":[0,4])"), 4), "shape is 1, expected a list");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), 4),
              "shape holds 1.0, expected integers");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])"), 4),
              "shape holds \"1\", expected");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1],"data_offsets":4)"), 4),
              "data_offsets is 4, expected a list");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1],"data_offsets":[4])"), 4),
              "data_offsets is [4], expected [begin, end]");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])"), 8), "expected [begin, end]");
}

TEST(Safetensors, NegativeAndHugeNumbersAreRefused) {
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), 4), "shape holds -1, expected");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])"), 4),
              "data_offsets holds -4, expected");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[18446744073709551617],"data_offsets":[0,4])"), 4),
              "expected integers from 0");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775808])"), 4),
              "expected integers from 0");
}

TEST(Safetensors, AShapeThatOverflowsIsRefused) {
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0),
              "tensor \"w\": shape [4294967296, 4294967296] has more elements than 63 bits");
  // The elements fit, their bytes do not: 2^61 x 4 bytes wraps to 0 in 63 bits.
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[2305843009213693952],"data_offsets":[0,0])"), 0),
              "has more elements than 63 bits");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"NEW","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0),
              "has more elements than 63 bits");
}

TEST(Safetensors, TooManyDimensionsAreRefused) {
  EXPECT_EQ(outcome_of(entry(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,4])"), 4), "accepted");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])"), 4),
              "tensor \"w\": shape has 9 dimensions, at most 8 are read");
}

TEST(Safetensors, ShapeTimesWidthMustMatchTheOffsets) {
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[2,3],"data_offsets":[0,20])"), 20), "m.safetensors",
              "tensor \"w\"", "data_offsets [0, 20] span 20 bytes, expected 24 for F32 [2, 3]");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F16","shape":[],"data_offsets":[0,4])"), 4),
              "span 4 bytes, expected 2 for F16 []");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])"), 1), "span 1 bytes");
  EXPECT_EQ(outcome_of(entry(R"("dtype":"F4","shape":[4],"data_offsets":[0,2])"), 2), "accepted");
}

TEST(Safetensors, OffsetsOutOfOrderOrRangeAreRefused) {
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4),
              "tensor \"w\": data_offsets begin at 4 and end at 0, expected begin <= end");
  EXPECT_SAYS(outcome_of(entry(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), 7),
              "tensor \"w\": data_offsets [0, 8] reach beyond the 7 data bytes");
  EXPECT_SAYS(
      outcome_of(entry(R"("dtype":"F32","shape":[0],"data_offsets":[9223372036854775807,9223372036854775807])"), 4),
      "reach beyond the 4 data bytes");
}

TEST(Safetensors, OverlapsHolesAndTrailingBytesAreRefused) {
  const auto two = [](int a0, int a1, int b0, int b1) {
    return fmt::format(
        R"({{"a":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}},"b":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}}}})",
        a1 - a0, a0, a1, b1 - b0, b0, b1);
  };
  EXPECT_EQ(outcome_of(two(0, 4, 4, 8), 8), "accepted");
  EXPECT_SAYS(outcome_of(two(0, 4, 3, 8), 8),
              "tensor \"b\": begins at 3, inside tensor \"a\" that ends at 4: they overlap");
  EXPECT_SAYS(outcome_of(two(0, 8, 0, 8), 8), "they overlap");
  EXPECT_SAYS(outcome_of(two(0, 4, 6, 8), 8),
              "tensor \"b\": begins at 6, expected 4: 2 bytes before it belong to no tensor");
  EXPECT_SAYS(outcome_of(two(1, 4, 4, 8), 8), "tensor \"a\": begins at 1, expected 0");
  EXPECT_SAYS(outcome_of(two(0, 4, 4, 8), 11),
              "the tensors end at data byte 8, expected 11: the file has 3 bytes too many");
  EXPECT_SAYS(outcome_of("{}", 1), "the tensors end at data byte 0, expected 1");
}

TEST(Safetensors, ANameGivenTwiceIsRefused) {
  EXPECT_SAYS(
      outcome_of(
          R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          2),
      "tensor \"w\": found more than once in the header, expected once");
}

TEST(Safetensors, OtherFormatsAreNamed) {
  EXPECT_SAYS(outcome(parse("GGUF\x03")), "unsupported: m.safetensors is a GGUF file, expected safetensors");
  EXPECT_SAYS(outcome(parse("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")),
              "corrupt: m.safetensors is a git-lfs pointer", "git lfs pull");
}

TEST(Safetensors, UnknownTypesAreKeptAsTheyAre) {
  const auto header = parse(safetensors_of(entry(R"("dtype":"NEW_4","shape":[3],"data_offsets":[0,5])"), counting(5)));
  ASSERT_TRUE(header.has_value()) << outcome(header);
  EXPECT_EQ(header->entries[0].dtype, "NEW_4");
  EXPECT_FALSE(dtype_bits("NEW_4"));
  EXPECT_EQ(dtype_bits("BF16"), 16);
}

TEST(Safetensors, MessagesStayShortAndPrintableWhateverTheNames) {
  const std::string long_name(100'000, 'n');
  const auto long_one =
      outcome_of(fmt::format(R"({{"{}":{{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}}})", long_name), 8);
  EXPECT_SAYS(long_one, "span 8 bytes, expected 4");
  EXPECT_LT(long_one.size(), 600u);
  EXPECT_SAYS(outcome_of(R"({"a\n\u001b":1})", 0), R"(tensor "a\n\u001b": its entry is 1)");
  EXPECT_SAYS(shape_text(std::vector<int64_t>(9, 7)), "[7, 7, 7, 7, 7, 7, 7, 7, ...]");
}

TEST(Safetensors, WhateverIsWrittenWellIsReadBack) {
  const bool holds = rc::check("write then read", [] {
    const auto n_tensors = *rc::gen::inRange(0, 12);
    std::vector<TensorSpec> specs;
    for (int i = 0; i < n_tensors; ++i) {
      const auto dtype = *rc::gen::element<std::string>("F32", "F16", "BF16", "I64", "U8");
      const auto shape = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, 5));
      if (shape.size() > kMaxDims) continue;
      const auto n = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
      specs.push_back(
          {fmt::format("t{}", i), dtype, shape, counting(static_cast<size_t>(n * *dtype_bits(dtype) / 8), i)});
    }
    const std::string file = safetensors_of(specs, *rc::gen::inRange(1, 9));
    const auto header = parse(file);
    RC_ASSERT(header.has_value());
    RC_ASSERT(header->entries.size() == specs.size());
    for (const TensorSpec& spec : specs) {
      const auto found = std::ranges::find(header->entries, spec.name, &HeaderEntry::name);
      RC_ASSERT(found != header->entries.end());
      RC_ASSERT(found->shape == spec.shape);
      RC_ASSERT(file.substr(header->data_start + found->begin, found->end - found->begin) == spec.data);
    }
  });
  EXPECT_TRUE(holds);
}

TEST(Safetensors, EveryCutOfAFileIsRefused) {
  const std::string file = safetensors_of({{"a", "F32", {2, 3}, counting(24)}, {"b", "BF16", {3}, counting(6)}});
  ASSERT_TRUE(parse(file).has_value());
  for (size_t n = 0; n < file.size(); ++n) {
    EXPECT_NE(outcome(parse(std::string_view(file).substr(0, n))), "accepted") << n;
  }
}

}  // namespace
}  // namespace lode::weights

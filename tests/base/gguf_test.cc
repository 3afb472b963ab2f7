// The head of GGUF files: what is written comes back, and what is malformed is refused with what was found.
#include "base/gguf.h"

#include <cstring>
#include <new>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/gguf_head.h"

namespace lode::gguf {
namespace {

// Two tensors of 40 and 12 bytes behind a few keys.
std::string small_file() {
  Head head;
  head.add("general.architecture", "bert");
  head.add("number", uint32_t{7});
  head.add("real", 0.5F);
  head.add("flag", true);
  head.add("texts", std::vector<std::string>{"a", "", "\u2581b"});
  head.add("reals", std::span<const float>(std::vector<float>{1, -2}));
  head.add("whole", std::span<const int32_t>(std::vector<int32_t>{-1, 2}));
  head.add_bytes("raw", std::string_view("\x00\xFF", 2));
  head.add_tensor("a", *tensor_type(0), std::vector<int64_t>{5, 2});
  head.add_tensor("b", *tensor_type(1), std::vector<int64_t>{6});
  return head.bytes() + std::string(40 + padding(40) + 12 + padding(12), 'x');
}

template <class T>
void patch(std::string& file, size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}

std::string outcome(const std::string& file) {
  const auto parsed = parse(std::as_bytes(std::span(file)), "f.gguf");
  if (parsed) return "accepted";
  return std::string(code_name(parsed.error().code)) + ": " + parsed.error().message;
}

void expect_says(const std::string& said, const std::string& wanted) {
  EXPECT_NE(said.find(wanted), std::string::npos) << "wanted: " << wanted << "\nsaid: " << said;
}

// Where `text` stands in the file, behind its length.
size_t place_of(const std::string& file, std::string_view text) {
  return file.find(text);
}

TEST(Gguf, WhatIsWrittenComesBack) {
  const std::string bytes = small_file();
  const auto file = parse(std::as_bytes(std::span(bytes)), "f.gguf");
  ASSERT_TRUE(file) << file.error().line();
  EXPECT_EQ(file->version, 3U);
  EXPECT_EQ(file->find("general.architecture")->as_string(), "bert");
  EXPECT_EQ(file->find("number")->as_int(), 7);
  EXPECT_EQ(file->find("real")->as_double(), 0.5);
  EXPECT_EQ(file->find("flag")->as_bool(), true);
  EXPECT_EQ(file->find("texts")->as_strings(), (std::vector<std::string_view>{"a", "", "\u2581b"}));
  EXPECT_EQ(file->find("reals")->as_floats(), (std::vector<float>{1, -2}));
  EXPECT_EQ(file->find("whole")->as_ints(), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(file->find("raw")->as_ints(), (std::vector<int64_t>{0, 255}));
  EXPECT_EQ(file->find("absent"), nullptr);
  ASSERT_EQ(file->tensors.size(), 2U);
  EXPECT_EQ(file->tensors[0].dims, (std::vector<int64_t>{5, 2}));
  EXPECT_EQ(file->tensors[1].offset, 64U);
  EXPECT_EQ(file->tensors[1].n_bytes, 12U);
  EXPECT_EQ(file->data_start % kDefaultAlignment, 0U);
}

TEST(Gguf, AValueIsOnlyWhatItIs) {
  const std::string bytes = small_file();
  const auto file = parse(std::as_bytes(std::span(bytes)), "f.gguf");
  ASSERT_TRUE(file);
  EXPECT_FALSE(file->find("number")->as_string());
  EXPECT_FALSE(file->find("number")->as_bool());
  EXPECT_FALSE(file->find("flag")->as_int());
  EXPECT_FALSE(file->find("texts")->as_ints());
  EXPECT_FALSE(file->find("reals")->as_ints());
  EXPECT_FALSE(file->find("general.architecture")->as_strings());
  EXPECT_EQ(file->find("texts")->kind_text(), "array of string");
}

TEST(Gguf, VersionTwoIsReadAndTheOthersAreNot) {
  std::string file = small_file();
  patch(file, 4, uint32_t{2});
  EXPECT_EQ(outcome(file), "accepted");
  patch(file, 4, uint32_t{1});
  expect_says(outcome(file), "unsupported: f.gguf is of GGUF version 1, expected 2 or 3");
  patch(file, 4, uint32_t{0x03000000});
  expect_says(outcome(file), "unsupported: f.gguf is a big-endian GGUF file");
  file[0] = 'X';
  expect_says(outcome(file), "corrupt: f.gguf does not start with \"GGUF\"");
  expect_says(outcome(""), "does not start with");
}

TEST(Gguf, EveryCutOfTheHeadIsRefused) {
  const std::string file = small_file();
  const auto parsed = parse(std::as_bytes(std::span(file)), "f.gguf");
  ASSERT_TRUE(parsed);
  const size_t last = parsed->data_start + 64 + 12;
  for (size_t n = 0; n < last; ++n) {
    const std::string said = outcome(file.substr(0, n));
    EXPECT_TRUE(said.starts_with("corrupt: f.gguf")) << "cut at " << n << ": " << said;
  }
  EXPECT_EQ(outcome(file.substr(0, last)), "accepted");  // only padding is missing
}

TEST(Gguf, CountsAndLengthsBeyondTheFileAreRefusedBeforeAnythingIsAllocated) {
  for (const uint64_t wild : {uint64_t{1} << 20, uint64_t{1} << 62, UINT64_MAX}) {
    std::string file = small_file();
    patch(file, 8, wild);
    expect_says(outcome(file), "tensors are announced");
    file = small_file();
    patch(file, 16, wild);
    expect_says(outcome(file), "keys and 2 tensors are announced");
    file = small_file();
    patch(file, place_of(file, "general.arch") - 8, wild);
    expect_says(outcome(file), "a key at byte");
    file = small_file();
    patch(file, place_of(file, "texts") + 5 + 8, wild);
    expect_says(outcome(file), "key \"texts\" has");
    file = small_file();
    patch(file, place_of(file, "texts") + 5 + 16, wild);
    expect_says(outcome(file), "key \"texts\" at byte");
    file = small_file();
    patch(file, place_of(file, "reals") + 5 + 8, wild);
    expect_says(outcome(file), "elements of at least 4 bytes");
  }
}

// As many keys as a hole of 1 TiB could hold, and none is there: an entry in memory takes several times 13 bytes.
TEST(Gguf, MemoryIsNotTakenForKeysThatAreOnlyAnnounced) {
  const size_t n_bytes = size_t{1} << 40;
  void* const hole =
      ::mmap(nullptr, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (hole == MAP_FAILED) GTEST_SKIP() << "no 1 TiB of addresses";
  auto* const bytes = static_cast<std::byte*>(hole);
  const uint32_t version = 3;
  const uint64_t n_tensors = 1, n_keys = n_bytes / 16;
  std::memcpy(bytes, "GGUF", 4);
  std::memcpy(bytes + 4, &version, 4);
  std::memcpy(bytes + 8, &n_tensors, 8);
  std::memcpy(bytes + 16, &n_keys, 8);
  std::string said = "out of memory";
  try {
    const auto parsed = parse({bytes, n_bytes}, "f.gguf");
    said = parsed ? "accepted" : parsed.error().message;
  } catch (const std::bad_alloc&) {
  }
  ::munmap(hole, n_bytes);
  expect_says(said, "a key has 0 bytes, expected 1 to 65535");
}

TEST(Gguf, ValuesOfNoKindAreRefused) {
  std::string file = small_file();
  patch(file, place_of(file, "number") + 6, uint32_t{13});
  expect_says(outcome(file), "key \"number\" is of kind 13, expected 0 to 12");
  file = small_file();
  patch(file, place_of(file, "texts") + 5 + 4, uint32_t{9});
  expect_says(outcome(file), "key \"texts\" is an array of arrays");
  file = small_file();
  patch(file, place_of(file, "flag") + 4 + 4, uint8_t{2});
  expect_says(outcome(file), "key \"flag\" is the boolean 2");
}

TEST(Gguf, NamesThatAreThereTwiceAreRefused) {
  Head head;
  head.add("a", true);
  head.add("a", false);
  expect_says(outcome(head.bytes()), "key \"a\" is there more than once");
  Head tensors;
  tensors.add_tensor("t", *tensor_type(0), std::vector<int64_t>{8});
  tensors.add_tensor("t", *tensor_type(0), std::vector<int64_t>{8});
  expect_says(outcome(tensors.bytes() + std::string(64, 'x')), "tensor \"t\" is there more than once");
}

// The tensor entry behind the name "b": the number of dimensions, a dimension, the type, the offset.
TEST(Gguf, TensorsThatContradictThemselvesAreRefused) {
  const std::string whole = small_file();
  const size_t b = whole.find(std::string("\x01\0\0\0\0\0\0\0b", 9)) + 9;
  const auto patched = [&](size_t at, auto value) {
    std::string file = whole;
    patch(file, b + at, value);
    return outcome(file);
  };
  expect_says(patched(0, uint32_t{0}), "tensor \"b\" has 0 dimensions, expected 1 to 4");
  expect_says(patched(0, uint32_t{5}), "has 5 dimensions");
  expect_says(patched(4, uint64_t{0}), "dimension 0 is 0");
  expect_says(patched(4, UINT64_MAX), "expected sizes from 1 whose product fits 63 bits");
  expect_says(patched(4, uint64_t{1} << 62), "more bytes than 63 bits can count");
  expect_says(patched(4, uint64_t{1} << 40), "takes 2199023255552 bytes from 64, the data have 96");
  expect_says(patched(12, uint32_t{4}), "unsupported: f.gguf: tensor \"b\" is of type 4, which is not known");
  expect_says(patched(12, uint32_t{8}), "rows of 6 elements, expected a multiple of 32 for Q8_0");
  expect_says(patched(16, uint64_t{32}), "tensor \"b\" lies at 32, expected 64");
  expect_says(patched(16, uint64_t{96}), "expected 64");
}

TEST(Gguf, AnAlignmentIsAPowerOfTwo) {
  for (const uint32_t wrong : {0U, 3U, 48U, 1U << 30}) {
    Head head;
    head.add("general.alignment", wrong);
    expect_says(outcome(head.bytes()), "general.alignment is " + std::to_string(wrong));
  }
  Head head;
  head.add("general.alignment", "32");
  expect_says(outcome(head.bytes()), "general.alignment is no number (string)");
}

}  // namespace
}  // namespace lode::gguf

// Vectors on disk: kept, shared, cut, damaged; never wrong.
#include "index/vector_cache.h"

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../base/temporary.h"
#include "eval/cached_encoder.h"

namespace lode::eval {
namespace {

using index::vector_key;
using index::VectorCache;
using index::VectorKey;

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kDims = 5;

VectorCache open_at(const fs::path& root, int64_t n_dims = kDims) {
  auto cache = VectorCache::open(root, "a model", n_dims);
  if (!cache) throw std::runtime_error(cache.error().line());
  return std::move(*cache);
}

std::vector<float> vector_of(uint64_t i) {
  std::vector<float> out;
  for (int64_t d = 0; d < kDims; ++d) out.push_back(static_cast<float>(i) + 0.125F * static_cast<float>(d));
  return out;
}
VectorKey key_of(uint64_t i) {
  return vector_key("", std::to_string(i));
}
Status put(VectorCache& cache, uint64_t i) {
  const std::vector<VectorKey> keys{key_of(i)};
  return cache.append(keys, vector_of(i));
}
// The vector of i, or nothing; a wrong one fails the test.
bool has(VectorCache& cache, uint64_t i) {
  std::vector<float> row(kDims);
  if (!cache.read(key_of(i), row)) return false;
  EXPECT_EQ(row, vector_of(i));
  return true;
}

void flip(const fs::path& file, uint64_t offset, int bit = 0) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(offset));
  const int byte = stream.get();
  ASSERT_GE(byte, 0);
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.put(static_cast<char>(byte ^ (1 << bit)));
}

TEST(VectorCache, KeepsVectorsFromOneOpeningToTheNext) {
  const test::TemporaryFolder folder;
  {
    VectorCache cache = open_at(folder.path());
    for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(put(cache, i));
    EXPECT_TRUE(has(cache, 9));
    EXPECT_FALSE(has(cache, 10));
  }
  VectorCache cache = open_at(folder.path());
  EXPECT_EQ(cache.n_rows(), 10U);
  for (uint64_t i = 0; i < 10; ++i) EXPECT_TRUE(has(cache, i));
}

TEST(VectorCache, KeysTellPromptsAndTextsApart) {
  EXPECT_EQ(vector_key("query: ", "a"), vector_key("query: ", "a"));
  EXPECT_NE(vector_key("query: ", "a"), vector_key("", "query: a"));
  EXPECT_NE(vector_key("a", "bc"), vector_key("ab", "c"));
  EXPECT_NE(vector_key("", "a"), vector_key("", std::string("a\0", 2)));
}

// What a process leaves that is killed while it writes: any shorter form of the two files.
TEST(VectorCache, CutsOffWhatAKilledWriterLeft) {
  const test::TemporaryFolder whole;
  fs::path keys, vectors;
  {
    VectorCache cache = open_at(whole.path());
    for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(put(cache, i));
    keys = cache.folder() / "keys";
    vectors = cache.folder() / "vectors";
  }
  const uint64_t n_keys = fs::file_size(keys), n_vectors = fs::file_size(vectors);
  for (uint64_t cut_keys = 0; cut_keys <= n_keys; cut_keys += 7) {
    for (uint64_t cut_vectors = 0; cut_vectors <= n_vectors; cut_vectors += 13) {
      const test::TemporaryFolder folder;
      fs::copy(whole.path(), folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
      const fs::path copy = folder.path() / keys.parent_path().filename();
      fs::resize_file(copy / "keys", n_keys - cut_keys);
      fs::resize_file(copy / "vectors", n_vectors - cut_vectors);
      VectorCache cache = open_at(folder.path());
      const uint64_t n = cache.n_rows();
      const uint64_t n_whole_vectors = (n_vectors - cut_vectors) / (kDims * sizeof(float));
      const uint64_t n_whole_keys = cut_keys > n_keys - 24 ? 0 : (n_keys - 24 - cut_keys) / 24;
      ASSERT_EQ(n, std::min(n_whole_keys, n_whole_vectors));
      for (uint64_t i = 0; i < 6; ++i) ASSERT_EQ(has(cache, i), i < n);
      for (uint64_t i = n; i < 6; ++i) ASSERT_TRUE(put(cache, i));
      VectorCache again = open_at(folder.path());
      for (uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(has(again, i));
      ASSERT_EQ(fs::file_size(copy / "keys"), n_keys);
      ASSERT_EQ(fs::file_size(copy / "vectors"), n_vectors);
    }
  }
}

TEST(VectorCache, NoticesEveryFlippedBitAndTakesTheVectorAnew) {
  const test::TemporaryFolder whole;
  fs::path name;
  {
    VectorCache cache = open_at(whole.path());
    for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(put(cache, i));
    name = cache.folder().filename();
  }
  for (const char* file : {"keys", "vectors"}) {
    const uint64_t n_bytes = fs::file_size(whole.path() / name / file);
    for (uint64_t offset = file[0] == 'k' ? 24 : 0; offset < n_bytes; ++offset) {
      const test::TemporaryFolder folder;
      fs::copy(whole.path(), folder.path(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
      flip(folder.path() / name / file, offset, static_cast<int>(offset % 8));
      {
        VectorCache cache = open_at(folder.path());
        uint64_t n_there = 0;
        for (uint64_t i = 0; i < 3; ++i) {
          if (has(cache, i)) {
            ++n_there;
          } else {
            ASSERT_TRUE(put(cache, i));
          }
        }
        ASSERT_EQ(n_there, 2U) << file << " byte " << offset;
      }
      VectorCache again = open_at(folder.path());
      for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(has(again, i));
    }
  }
}

TEST(VectorCache, RefusesAnotherModelsOrADamagedHeader) {
  const test::TemporaryFolder folder;
  fs::path keys;
  {
    VectorCache cache = open_at(folder.path());
    ASSERT_TRUE(put(cache, 1));
    keys = cache.folder() / "keys";
  }
  const auto other_dims = VectorCache::open(folder.path(), "a model", kDims + 1);
  ASSERT_FALSE(other_dims);
  EXPECT_EQ(other_dims.error().code, Code::corrupt);
  EXPECT_THAT(other_dims.error().message, HasSubstr("5 dimensions, expected 6"));
  for (uint64_t offset = 0; offset < 24; ++offset) {
    flip(keys, offset);
    const auto damaged = VectorCache::open(folder.path(), "a model", kDims);
    ASSERT_FALSE(damaged) << offset;
    EXPECT_EQ(damaged.error().code, Code::corrupt);
    flip(keys, offset);
  }
  VectorCache fine = open_at(folder.path());
  EXPECT_TRUE(has(fine, 1));
  auto other = VectorCache::open(folder.path(), "another model", kDims + 1);
  ASSERT_TRUE(other);
  EXPECT_NE(other->folder(), fine.folder());
}

TEST(VectorCache, IsSharedByProcessesThatWriteAtOnce) {
  constexpr uint64_t kWriters = 4, kEach = 300;
  const test::TemporaryFolder folder;
  std::vector<pid_t> children;
  for (uint64_t w = 0; w < kWriters; ++w) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      VectorCache cache = open_at(folder.path());
      for (uint64_t i = 0; i < kEach; ++i) {
        if (!put(cache, w * kEach + i)) ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  VectorCache cache = open_at(folder.path());
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  ASSERT_TRUE(cache.refresh());
  EXPECT_EQ(cache.n_rows(), kWriters * kEach);
  for (uint64_t i = 0; i < kWriters * kEach; ++i) ASSERT_TRUE(has(cache, i));
}

TEST(VectorCache, SurvivesKillsInTheMiddleOfWriting) {
  const test::TemporaryFolder folder;
  for (int round = 0; round < 20; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      VectorCache cache = open_at(folder.path());
      for (uint64_t i = 0;; ++i) {
        if (!has(cache, i)) static_cast<void>(put(cache, i));
      }
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 1700 * (round % 7)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    VectorCache cache = open_at(folder.path());
    for (uint64_t i = 0; i < cache.n_rows(); ++i) ASSERT_TRUE(has(cache, i)) << round;
  }
}

TEST(VectorCache, AFullDiskLeavesTheFilesAsTheyWere) {
  const test::TemporaryFolder folder;
  VectorCache cache = open_at(folder.path());
  for (uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(put(cache, i));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = cache.n_bytes() - (24 + 240) + 7, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status full = put(cache, 10);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::io);
  EXPECT_FALSE(has(cache, 10));
  EXPECT_TRUE(put(cache, 11));
  VectorCache again = open_at(folder.path());
  EXPECT_EQ(again.n_rows(), 11U);
  for (const uint64_t i : {0, 9, 11}) EXPECT_TRUE(has(again, i));
}

TEST(VectorCache, APlaceThatCannotBeMadeIsAnError) {
  const test::TemporaryFolder folder;
  const auto cache = VectorCache::open(folder.write("file", "") / "below", "a model", kDims);
  ASSERT_FALSE(cache);
  EXPECT_EQ(cache.error().code, Code::io);
}

// Counts, and gives each text a vector of its own, in an order of its own.
class Counting final : public Encoder {
 public:
  int64_t dims() const override { return kDims; }
  Result<std::string> applied(const Prompt& prompt) const override { return std::string(prompt.task); }
  Status encode_each(std::span<const std::string> texts, const Prompt& prompt, const OnVector& on_vector) override {
    for (size_t i = texts.size(); i-- > 0;) {
      if (n_left == 0) return fail(Code::internal, "the encoder broke down");
      --n_left;
      seen.push_back(fmt::format("{}{}", prompt.task, texts[i]));
      LODE_TRY(on_vector({.text = i, .vector = vector(seen.back()), .computed = true}));
    }
    return {};
  }
  static std::vector<float> vector(const std::string& whole) {
    return vector_of(vector_key("", whole).low % 1'000'000);
  }
  std::vector<std::string> seen;
  size_t n_left = 1'000'000;
};

std::vector<float> expected(const std::vector<std::string>& texts, std::string_view task = "") {
  std::vector<float> out;
  for (const std::string& text : texts) {
    const auto vector = Counting::vector(fmt::format("{}{}", task, text));
    out.insert(out.end(), vector.begin(), vector.end());
  }
  return out;
}

TEST(CachedEncoder, EncodesATextOnceAndAnswersInOrder) {
  const test::TemporaryFolder folder;
  Counting encoder;
  VectorCache cache = open_at(folder.path());
  CachedEncoder cached(encoder, cache, {.append_every = std::chrono::milliseconds(0), .n_window = 3});
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) texts.push_back(std::to_string(i % 17));
  EXPECT_EQ(cached.encode(texts, {}, {}).value(), expected(texts));
  EXPECT_EQ(encoder.seen.size(), 17U);
  EXPECT_EQ(cached.encode(texts, {}, {}).value(), expected(texts));
  EXPECT_EQ(encoder.seen.size(), 17U);
  EXPECT_EQ(cached.encode(texts, {.side = embed::InputType::query, .task = "find: "}, {}).value(),
            expected(texts, "find: "));
  EXPECT_EQ(encoder.seen.size(), 34U);
  EXPECT_EQ(cached.n_encoded(), 34U);
}

TEST(CachedEncoder, KeepsWhatWasDoneBeforeAnError) {
  const test::TemporaryFolder folder;
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(std::to_string(i));
  Counting encoder;
  encoder.n_left = 25;
  {
    VectorCache cache = open_at(folder.path());
    CachedEncoder cached(encoder, cache, {});
    const auto broken = cached.encode(texts, {}, {});
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().message, "the encoder broke down");
  }
  encoder.n_left = 15;
  VectorCache cache = open_at(folder.path());
  CachedEncoder cached(encoder, cache, {});
  EXPECT_EQ(cached.encode(texts, {}, {}).value(), expected(texts));
}

TEST(CachedEncoder, ADamagedRowIsEncodedAgain) {
  const test::TemporaryFolder folder;
  const std::vector<std::string> texts{"a", "b", "c"};
  Counting encoder;
  fs::path vectors;
  {
    VectorCache cache = open_at(folder.path());
    EXPECT_TRUE(CachedEncoder(encoder, cache, {}).encode(texts, {}, {}));
    vectors = cache.folder() / "vectors";
  }
  flip(vectors, 30);  // of the second row, which holds "b"
  VectorCache cache = open_at(folder.path());
  EXPECT_EQ(CachedEncoder(encoder, cache, {}).encode(texts, {}, {}).value(), expected(texts));
  EXPECT_EQ(encoder.seen, (std::vector<std::string>{"c", "b", "a", "b"}));
  EXPECT_EQ(cache.n_damaged(), 1U);
}

TEST(CachedEncoder, ACacheThatCannotBeWrittenCostsOneNote) {
  const test::TemporaryFolder folder;
  Counting encoder;
  VectorCache cache = open_at(folder.path());
  std::vector<std::string> notes;
  CachedEncoder cached(encoder, cache,
                       {.append_every = std::chrono::milliseconds(0),
                        .on_note = [&](const Error& error) { notes.push_back(error.message); }});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 30, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::vector<std::string> texts{"a", "b", "c", "a"};
  const auto vectors = cached.encode(texts, {}, {});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(vectors.value(), expected(texts));
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes.front(), HasSubstr("cannot write"));
}

TEST(CachedEncoder, SaysWhichVectorsWereThereBefore) {
  const test::TemporaryFolder folder;
  Counting encoder;
  VectorCache cache = open_at(folder.path());
  CachedEncoder cached(encoder, cache, {});
  const std::vector<std::string> first{"a", "b"}, second{"c", "a", "c"};
  ASSERT_TRUE(cached.encode(first, {}, {}));
  std::vector<std::pair<size_t, bool>> seen;
  ASSERT_TRUE(cached.encode_each(second, {}, [&](const Encoded& encoded) -> Status {
    seen.emplace_back(encoded.text, encoded.computed);
    return {};
  }));
  EXPECT_EQ(seen, (std::vector<std::pair<size_t, bool>>{{1, false}, {0, true}, {2, false}}));
}

}  // namespace
}  // namespace lode::eval

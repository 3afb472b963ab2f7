// What `lode export` writes, as far as no database is needed to tell.
#include "apps/chunk_writer.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../base/temporary.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using ::testing::HasSubstr;
using ::testing::Not;

search::TreeChunk a_chunk() {
  search::TreeChunk out;
  out.path = "a.py";
  out.copies = {"b \"c\", \\d.py"};
  out.content = {0x0a, 0xff};
  out.ordinal = 3;
  out.language = code::Language::python;
  out.first_line = 7;
  out.last_line = 9;
  out.text = "x = '\\n'\t# \\.\n\\.\n";
  return out;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class ChunkWriterTest : public ::testing::Test {
 protected:
  // -> what is written of one chunk, with a vector of so many halves.
  Result<std::string> written(ExportFormat format, const ExportedIndex& index, const search::TreeChunk& chunk) {
    const fs::path out = work_.path() / "out";
    fs::remove(out);
    LODE_ASSIGN(const auto writer, ChunkWriter::open(format, out.string(), index));
    const std::vector<float> vector(static_cast<size_t>(index.n_dims), 0.5F);
    LODE_TRY(writer->write(chunk, vector));
    EXPECT_FALSE(fs::exists(out)) << "before it is whole";
    LODE_TRY(writer->finish());
    return read(out);
  }
  static ExportedIndex index_of(int64_t n_dims, std::string table = "chunks") {
    return {.folder = "/src", .commit = "", .model = "m", .n_dims = n_dims, .table = std::move(table)};
  }
  TemporaryFolder work_;
};

TEST_F(ChunkWriterTest, ALineHasTheChunkAndItsVector) {
  EXPECT_EQ(*written(ExportFormat::jsonl, index_of(2), a_chunk()),
            R"({"path":"a.py","start_line":7,"end_line":9,"language":"python","symbol":null,"kind":null,)"
            R"("text":"x = '\\n'\t# \\.\n\\.\n","copies":["b \"c\", \\d.py"],)"
            R"("content":"0aff0000000000000000000000000000","chunk":3,"model":"m","vector":[0.5,0.5]})"
            "\n");
  EXPECT_THAT(chunk_line(a_chunk(), "", {}), Not(HasSubstr("model")));
}

TEST_F(ChunkWriterTest, ARowOfCopyIsOneLineWhateverItHolds) {
  const std::string script = *written(ExportFormat::pgvector, index_of(2), a_chunk());
  EXPECT_THAT(script,
              HasSubstr("\na.py\t7\t9\tpython\t\\N\t\\N\tx = '\\\\n'\\t# \\\\.\\n\\\\.\\n\t"
                        "{\"b \\\\\"c\\\\\", \\\\\\\\d.py\"}\t0aff0000000000000000000000000000\t3\t[0.5,0.5]\n\\.\n"));
  auto with_nul = a_chunk();
  with_nul.text = std::string("a\0b\xff", 4);
  with_nul.symbol = "f";
  with_nul.kind = "function";
  EXPECT_THAT(*written(ExportFormat::pgvector, index_of(2), with_nul), HasSubstr("\tf\tfunction\ta\xef\xbf\xbd"
                                                                                 "b\xef\xbf\xbd\t"));
}

TEST_F(ChunkWriterTest, WhatIsIndexedDependsOnWhatPgvectorIndexes) {
  for (const auto& [n_dims, over] : std::vector<std::pair<int64_t, std::string>>{
           {384, "(embedding vector_cosine_ops)"},
           {2000, "(embedding vector_cosine_ops)"},
           {2001, "((embedding::halfvec(2001)) halfvec_cosine_ops)"},
           {4000, "((embedding::halfvec(4000)) halfvec_cosine_ops)"},
           {4001, "((binary_quantize(embedding)::bit(4001)) bit_hamming_ops)"},
           {16'000, "((binary_quantize(embedding)::bit(16000)) bit_hamming_ops)"}}) {
    const std::string script = *written(ExportFormat::pgvector, index_of(n_dims), a_chunk());
    EXPECT_THAT(script, HasSubstr("CREATE INDEX ON \"chunks\" USING hnsw " + over + ";"));
    EXPECT_THAT(script, HasSubstr("embedding vector(" + std::to_string(n_dims) + ") NOT NULL"));
  }
  const auto refused = written(ExportFormat::pgvector, index_of(16'001), a_chunk());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unsupported);
}

TEST_F(ChunkWriterTest, NamesCannotCarryStatements) {
  EXPECT_THAT(*written(ExportFormat::pgvector, index_of(2, "code.chunks_2"), a_chunk()),
              HasSubstr("CREATE TABLE \"code\".\"chunks_2\" ("));
  for (const char* name :
       {"", "a b", "a\"b", "a;b", "A", "1a", ".a", "a.", "a.b.c", "ä", "a_name_of_more_than_forty_letters_and_more"}) {
    const auto refused = written(ExportFormat::pgvector, index_of(2, name), a_chunk());
    ASSERT_FALSE(refused) << name;
    EXPECT_EQ(refused.error().code, Code::invalid_argument);
  }
  ExportedIndex index = index_of(2);
  index.folder = "/it's\n;DROP TABLE a;--";
  EXPECT_THAT(*written(ExportFormat::pgvector, index, a_chunk()),
              HasSubstr("IS 'Chunks of /it''s\n;DROP TABLE a;--; vectors of m';"));
}

}  // namespace
}  // namespace lode::apps

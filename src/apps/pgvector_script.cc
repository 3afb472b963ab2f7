#include "apps/pgvector_script.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/text_output.h"
#include "base/float_text.h"
#include "text/utf8.h"

namespace lode::apps {
namespace {

// "public.chunks" as "public"."chunks"; empty for what is no name.
std::string quoted_table(std::string_view name) {
  std::string out;
  for (size_t begin = 0, n_parts = 0; begin <= name.size(); ++n_parts) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    const bool is_name =
        std::ranges::all_of(part, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    // 63 bytes are a name's limit, and an index's is the table's with more behind it.
    if (part.empty() || part.size() > 40 || !is_name || (part.front() >= '0' && part.front() <= '9') || n_parts == 2) {
      return {};
    }
    out += fmt::format("{}\"{}\"", out.empty() ? "" : ".", part);
    begin = end + 1;
  }
  return out;
}

// Valid UTF-8 without NUL.
std::string storable(std::string_view text) {
  const text::utf8::Repaired repaired(text);
  std::string out;
  for (const char c : repaired.text()) {
    if (c == '\0') {
      text::utf8::append(text::utf8::kReplacement, out);
    } else {
      out += c;
    }
  }
  return out;
}

// A value of COPY's text format.
void append_copied(std::string& out, std::string_view text) {
  for (const char c : storable(text)) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += c;
    }
  }
}

std::string array_of(const std::vector<std::string>& texts) {
  std::string out = "{";
  for (const std::string& text : texts) {
    out += out.size() > 1 ? ",\"" : "\"";
    for (const char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + "}";
}

std::string literal(std::string_view text) {
  std::string out = "'";
  for (const char c : storable(text)) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

struct Indexing {
  std::string over;   // what CREATE INDEX names
  std::string order;  // what a query orders by, with psql's variable `vector` for its vector; "": in two steps
};

Indexing indexing_of(int64_t n_dims) {
  if (n_dims <= kMostVectorDims) return {.over = "embedding vector_cosine_ops", .order = "embedding <=> :'vector'"};
  if (n_dims <= kMostHalfvecDims) {
    return {.over = fmt::format("(embedding::halfvec({})) halfvec_cosine_ops", n_dims),
            .order = fmt::format("embedding::halfvec({0}) <=> :'vector'::halfvec({0})", n_dims)};
  }
  return {.over = fmt::format("(binary_quantize(embedding)::bit({})) bit_hamming_ops", n_dims), .order = {}};
}

constexpr std::string_view kHead = R"(\set ON_ERROR_STOP on
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
BEGIN;
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE {0} (
  path text NOT NULL,
  start_line integer NOT NULL,
  end_line integer NOT NULL,
  language text NOT NULL,
  symbol text,
  kind text,
  text text NOT NULL,
  copies text[] NOT NULL,
  content text NOT NULL,
  chunk integer NOT NULL,
  embedding vector({1}) NOT NULL,
  PRIMARY KEY (content, language, chunk)
);
COMMENT ON TABLE {0} IS {2};
COPY {0} (path, start_line, end_line, language, symbol, kind, text, copies, content, chunk, embedding) FROM stdin;
)";

std::string head_of(const ExportedIndex& index, const std::string& table) {
  const std::string about = fmt::format("Chunks of {}{}{}; vectors of {}", index.folder,
                                        index.commit.empty() ? "" : " at ", index.commit, index.model);
  return std::string("-- Chunks of an index of Lodestone, for PostgreSQL with pgvector: psql -f THIS\n") +
         fmt::format(kHead, table, index.n_dims, literal(about));
}

std::string tail_of(const ExportedIndex& index, const std::string& table) {
  const Indexing indexing = indexing_of(index.n_dims);
  std::string out = "\\.\n";
  if (index.n_dims > kMostVectorDims) out += "-- From pgvector 0.7 on.\n";
  out += fmt::format("CREATE INDEX ON {} USING hnsw ({});\nCOMMIT;\nANALYZE {};\n", table, indexing.over, table);
  out +=
      "-- The ten chunks nearest to a question, by psql -v vector=\"[...]\" with what lode embed --input-type query "
      "makes\n"
      "-- of it:\n";
  out += "-- SELECT path, start_line, end_line, symbol, 1 - (embedding <=> :'vector') AS similarity\n";
  if (!indexing.order.empty()) {
    return out + fmt::format("-- FROM {} ORDER BY {} LIMIT 10;\n", table, indexing.order);
  }
  return out + fmt::format(
                   "-- FROM (SELECT * FROM {0} ORDER BY binary_quantize(embedding)::bit({1}) <~>\n"
                   "--   binary_quantize(:'vector'::vector({1})) LIMIT 200) AS nearest\n"
                   "-- ORDER BY embedding <=> :'vector' LIMIT 10; -- with SET hnsw.ef_search = 200\n",
                   table, index.n_dims);
}

class PgvectorScript final : public ChunkWriter {
 public:
  PgvectorScript(TextOutput out, std::string tail) : out_(std::move(out)), tail_(std::move(tail)) {}

  Status begin(const std::string& head) { return out_.write(head); }
  Status write(const search::TreeChunk& chunk, std::span<const float> vector) override {
    row_.clear();
    append_copied(row_, chunk.path);
    row_ += fmt::format("\t{}\t{}\t{}\t", chunk.first_line, chunk.last_line, code::name_of(chunk.language));
    if (chunk.symbol.empty()) {
      row_ += "\\N\t\\N";
    } else {
      append_copied(row_, chunk.symbol);
      row_.append("\t").append(chunk.kind);
    }
    row_ += '\t';
    append_copied(row_, chunk.text);
    row_ += '\t';
    append_copied(row_, array_of(chunk.copies));
    row_ += fmt::format("\t{}\t{}\t[", content_id(chunk.content), chunk.ordinal);
    for (size_t i = 0; i < vector.size(); ++i) {
      if (i > 0) row_ += ',';
      append_float(row_, vector[i]);
    }
    row_ += "]\n";
    return out_.write(row_);
  }
  Status finish() override {
    LODE_TRY(out_.write(tail_));
    return out_.finish();
  }

 private:
  TextOutput out_;
  std::string tail_;
  std::string row_;
};

}  // namespace

Result<std::unique_ptr<ChunkWriter>> open_pgvector_script(const std::string& path, const ExportedIndex& index) {
  const std::string table = quoted_table(index.table);
  if (table.empty()) {
    return fail(Code::invalid_argument, fmt::format("--table {} is no name that is taken", index.table),
                "Give NAME or SCHEMA.NAME, of at most 40 lower-case letters, digits and _ each.");
  }
  if (index.n_dims > kMostColumnDims) {
    return fail(Code::unsupported,
                fmt::format("the vectors have {} dimensions, pgvector takes {}", index.n_dims, kMostColumnDims),
                "Use --to npy, or a model with fewer.");
  }
  LODE_ASSIGN(TextOutput out, TextOutput::open(path));
  auto script = std::make_unique<PgvectorScript>(std::move(out), tail_of(index, table));
  LODE_TRY(script->begin(head_of(index, table)));
  return script;
}

}  // namespace lode::apps

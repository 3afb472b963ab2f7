#include "apps/chunk_writer.h"

#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/json_text.h"
#include "apps/pgvector_script.h"
#include "apps/text_output.h"
#include "apps/vector_writer.h"
#include "base/float_text.h"

namespace lode::apps {
namespace {

class JsonlChunks final : public ChunkWriter {
 public:
  JsonlChunks(TextOutput out, std::string model) : out_(std::move(out)), model_(std::move(model)) {}
  Status write(const search::TreeChunk& chunk, std::span<const float> vector) override {
    return out_.write(chunk_line(chunk, model_, vector));
  }
  Status finish() override { return out_.finish(); }

 private:
  TextOutput out_;
  std::string model_;
};

class NpyChunks final : public ChunkWriter {
 public:
  NpyChunks(std::unique_ptr<VectorWriter> matrix, TextOutput rows, std::string model)
      : matrix_(std::move(matrix)), rows_(std::move(rows)), model_(std::move(model)) {}
  Status write(const search::TreeChunk& chunk, std::span<const float> vector) override {
    LODE_TRY(matrix_->write({.index = 0, .id_json = {}, .n_tokens = 0, .vector = vector}));
    return rows_.write(chunk_line(chunk, model_, {}));
  }
  Status finish() override {
    LODE_TRY(rows_.finish());
    return matrix_->finish();
  }

 private:
  std::unique_ptr<VectorWriter> matrix_;
  TextOutput rows_;
  std::string model_;
};

}  // namespace

std::string content_id(const search::ContentHash& hash) {
  std::string out;
  for (const unsigned char byte : hash) out += fmt::format("{:02x}", byte);
  return out;
}

std::string chunk_line(const search::TreeChunk& chunk, const std::string& model, std::span<const float> vector) {
  nlohmann::ordered_json json{{"path", chunk.path},
                              {"start_line", chunk.first_line},
                              {"end_line", chunk.last_line},
                              {"language", code::name_of(chunk.language)},
                              {"symbol", nullptr},
                              {"kind", nullptr},
                              {"text", chunk.text},
                              {"copies", chunk.copies},
                              {"content", content_id(chunk.content)},
                              {"chunk", chunk.ordinal}};
  if (!chunk.symbol.empty()) {
    json["symbol"] = chunk.symbol;
    json["kind"] = chunk.kind;
  }
  if (!model.empty()) json["model"] = model;
  std::string out = json_text(json);
  if (vector.empty()) return out;
  out.resize(out.size() - 2);  // "}\n"
  out += ",\"vector\":[";
  for (size_t i = 0; i < vector.size(); ++i) {
    if (i > 0) out += ',';
    append_float(out, vector[i]);
  }
  return out + "]}\n";
}

Result<std::unique_ptr<ChunkWriter>> ChunkWriter::open(ExportFormat format, const std::string& path,
                                                       const ExportedIndex& index) {
  if (format == ExportFormat::pgvector) return open_pgvector_script(path, index);
  if (format == ExportFormat::jsonl) {
    LODE_ASSIGN(TextOutput out, TextOutput::open(path));
    return std::make_unique<JsonlChunks>(std::move(out), index.model);
  }
  if (path == "-") {
    return fail(Code::invalid_argument, "--to npy is two files, and stdout is one",
                "Name the output: -o chunks writes chunks.npy and chunks.jsonl.");
  }
  std::filesystem::path stem = path;
  if (stem.extension() == ".npy") stem.replace_extension();
  LODE_ASSIGN(auto matrix, VectorWriter::open(stem.string() + ".npy", index.n_dims));
  LODE_ASSIGN(TextOutput rows, TextOutput::open(stem.string() + ".jsonl"));
  return std::make_unique<NpyChunks>(std::move(matrix), std::move(rows), index.model);
}

}  // namespace lode::apps

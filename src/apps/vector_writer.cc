#include "apps/vector_writer.h"

#include <filesystem>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/staged_file.h"
#include "base/float_text.h"

namespace lode::apps {
namespace {

enum class Format : uint8_t { stdout_jsonl, jsonl, npy, safetensors };

Result<Format> format_of(const std::string& path) {
  if (path.empty() || path == "-") return Format::stdout_jsonl;
  const std::string extension = std::filesystem::path(path).extension().string();
  if (extension == ".jsonl") return Format::jsonl;
  if (extension == ".npy") return Format::npy;
  if (extension == ".safetensors") return Format::safetensors;
  return fail(
      Code::invalid_argument,
      fmt::format("the output {} ends in \"{}\", but .npy, .jsonl or .safetensors was expected", path, extension),
      "Name the output accordingly.");
}

void append_json_row(std::string& out, const VectorRow& row) {
  fmt::format_to(std::back_inserter(out), "{{\"index\": {}, ", row.index);
  if (!row.id_json.empty()) out.append("\"id\": ").append(row.id_json).append(", ");
  fmt::format_to(std::back_inserter(out), "\"tokens\": {}, \"embedding\": [", row.n_tokens);
  bool first = true;
  for (const float x : row.vector) {
    if (!first) out += ", ";
    first = false;
    append_float(out, x);
  }
  out += "]}\n";
}

class StdoutWriter final : public VectorWriter {
 public:
  Status write(const VectorRow& row) override {
    line_.clear();
    append_json_row(line_, row);
    return write_stdout(line_);
  }
  Status finish() override { return {}; }

 private:
  std::string line_;
};

class JsonlWriter final : public VectorWriter {
 public:
  explicit JsonlWriter(const std::string& path) : file_(path) {}
  Status open() { return file_.open(); }
  Status write(const VectorRow& row) override {
    line_.clear();
    append_json_row(line_, row);
    return file_.write(line_.data(), line_.size());
  }
  Status finish() override { return file_.commit(); }

 private:
  StagedFile file_;
  std::string line_;
};

// Raw rows behind a header of fixed size that is written last, when the number of rows is known.
class ArrayWriter final : public VectorWriter {
 public:
  ArrayWriter(const std::string& path, Format format, int64_t n_dims) : file_(path), format_(format), n_dims_(n_dims) {}

  Status open() {
    LODE_TRY(file_.open());
    return write_header();
  }
  Status write(const VectorRow& row) override {
    ++n_rows_;
    return file_.write(row.vector.data(), row.vector.size_bytes());
  }
  Status finish() override {
    LODE_TRY(file_.rewind());
    LODE_TRY(write_header());
    return file_.commit();
  }

 private:
  Status write_header() {
    // Both formats pad their header text with spaces; 192 bytes leave room for any two numbers.
    constexpr size_t kHeaderBytes = 192;
    std::string header;
    if (format_ == Format::npy) {
      std::string text =
          fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", n_rows_, n_dims_);
      text.resize(kHeaderBytes - 10 - 1, ' ');
      text += '\n';
      header = std::string("\x93NUMPY\x01\x00", 8);
      header += static_cast<char>(text.size() & 0xFF);
      header += static_cast<char>(text.size() >> 8);
      header += text;
    } else {
      std::string text = fmt::format(R"({{"embeddings":{{"dtype":"F32","shape":[{},{}],"data_offsets":[0,{}]}}}})",
                                     n_rows_, n_dims_, n_rows_ * static_cast<uint64_t>(n_dims_) * sizeof(float));
      text.resize(kHeaderBytes - 8, ' ');
      uint64_t size = text.size();
      header.assign(reinterpret_cast<const char*>(&size), sizeof size);
      header += text;
    }
    return file_.write(header.data(), header.size());
  }

  StagedFile file_;
  Format format_;
  int64_t n_dims_;
  uint64_t n_rows_ = 0;
};

template <class Writer>
Result<std::unique_ptr<VectorWriter>> opened(std::unique_ptr<Writer> writer) {
  LODE_TRY(writer->open());
  return std::unique_ptr<VectorWriter>(std::move(writer));
}

}  // namespace

Status check_vector_path(const std::string& path) {
  LODE_TRY(format_of(path));
  return {};
}

Result<std::unique_ptr<VectorWriter>> VectorWriter::open(const std::string& path, int64_t n_dims) {
  LODE_ASSIGN(const Format format, format_of(path));
  switch (format) {
    case Format::stdout_jsonl: return std::make_unique<StdoutWriter>();
    case Format::jsonl: return opened(std::make_unique<JsonlWriter>(path));
    case Format::npy:
    case Format::safetensors: break;
  }
  return opened(std::make_unique<ArrayWriter>(path, format, n_dims));
}

}  // namespace lode::apps

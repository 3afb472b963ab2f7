// `lode convert`: a model into one file of another type, GGUF or safetensors. Tensor by tensor, a few megabytes of rows
// at a time, so that memory does not grow with the model; the output appears under its name when it is whole.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/gguf_metadata.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "apps/staged_file.h"
#include "base/gguf_head.h"
#include "kernels/cpu.h"
#include "kernels/gemm.h"
#include "kernels/quantize.h"
#include "model/config.h"
#include "weights/checkpoint.h"
#include "weights/safetensors.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using kernels::DType;

constexpr int64_t kChunkElements = int64_t{1} << 20;

struct ConvertOptions {
  std::string model;
  std::string to;
  std::string output;
  bool force = false;
};

// A tensor on its way: its name and type in the output, and whether its rows are turned for llama.cpp (head_dim).
struct Outgoing {
  const weights::Tensor* tensor = nullptr;
  std::string name;
  DType dtype{};
  int64_t interleaved = 0;

  [[nodiscard]] uint64_t n_bytes() const { return static_cast<uint64_t>(row_bytes(dtype, tensor->n_elements())); }
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

DType dtype_of(std::string_view option) {
  for (const DType dtype : kernels::kDTypes) {
    if (lower(std::string(kernels::name(dtype))) == option) return dtype;
  }
  return DType::f32;  // CLI11 lets no other name through
}

Status check_output(const ConvertOptions& options, bool gguf) {
  std::error_code error;
  if (!gguf && !options.output.ends_with(".safetensors")) {
    return fail(Code::invalid_argument,
                fmt::format("--output is {}, expected a name that ends in .gguf or .safetensors", options.output));
  }
  if (!gguf && kernels::is_blocked(dtype_of(options.to))) {
    return fail(Code::invalid_argument,
                fmt::format("--to {} is no type of safetensors files, they hold f32, f16 and bf16", options.to),
                "Name an output that ends in .gguf.");
  }
  if (fs::exists(options.output, error) && !options.force) {
    return fail(Code::invalid_argument, fmt::format("{} exists already", options.output),
                "Choose another name, or overwrite it with --force.");
  }
  return {};
}

// Before hours of work: whether it fits.
Status check_space(const std::string& output, uint64_t n_bytes) {
  std::error_code error;
  const fs::path folder = fs::absolute(output, error).parent_path();
  const fs::space_info space = fs::space(folder, error);
  if (error) {
    return fail(Code::io, fmt::format("the output's folder {} cannot be written: {}", folder.string(), error.message()),
                "Name a folder that exists.");
  }
  if (space.available >= n_bytes) return {};
  return fail(Code::io,
              fmt::format("the output {} takes {}, {} has {} free", output, format_bytes(n_bytes), folder.string(),
                          format_bytes(space.available)),
              "Free space or choose another disk.");
}

// llama.cpp wants everything but the large matrices in F32; so do the latents, which are normalised before use.
bool stays_f32(const weights::Tensor& tensor, std::string_view gguf_name) {
  return tensor.shape.size() != 2 || gguf_name == "position_embd.weight" || gguf_name == "token_types.weight" ||
         gguf_name == "latents.weight";
}

Result<std::vector<Outgoing>> gguf_tensors(const weights::Checkpoint& checkpoint, const model::ModelConfig& config,
                                           DType dtype) {
  const weights::GgufArchitecture architecture = gguf_architecture(config);
  std::vector<Outgoing> out;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    if (weights::is_unused_tensor(tensor.name)) continue;
    auto name = weights::to_gguf_name(architecture, tensor.name);
    if (!name) {
      return fail(Code::unsupported,
                  fmt::format("tensor {} has no name in a GGUF file of architecture {}", weights::shown(tensor.name),
                              weights::name(architecture)),
                  "The checkpoint holds more than the model that Lodestone computes.");
    }
    Outgoing outgoing{.tensor = &tensor, .name = std::move(*name), .dtype = dtype};
    if (stays_f32(tensor, outgoing.name)) {
      outgoing.dtype = DType::f32;
    } else if (tensor.shape[1] % kernels::layout(dtype).block != 0) {
      outgoing.dtype = DType::f16;
    }
    if (weights::has_interleaved_rows(architecture) && weights::is_rotated(tensor.name)) {
      outgoing.interleaved = config.head_dim;
    }
    out.push_back(std::move(outgoing));
  }
  return out;
}

// Matrices in the type that is asked for, vectors (norms, biases) in the one that they have.
std::vector<Outgoing> safetensors_tensors(const weights::Checkpoint& checkpoint, DType dtype) {
  std::vector<Outgoing> out;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    const bool keep = tensor.shape.size() < 2 && !kernels::is_blocked(tensor.dtype);
    out.push_back({&tensor, std::string(tensor.name), keep ? tensor.dtype : dtype, 0});
  }
  return out;
}

std::string safetensors_head(const std::vector<Outgoing>& tensors) {
  nlohmann::ordered_json header{{"__metadata__", {{"format", "pt"}}}};
  uint64_t at = 0;
  for (const Outgoing& t : tensors) {
    header[t.name] = {{"dtype", std::string(kernels::name(t.dtype))},
                      {"shape", t.tensor->shape},
                      {"data_offsets", {at, at + t.n_bytes()}}};
    at += t.n_bytes();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t n = text.size();
  return std::string(reinterpret_cast<const char*>(&n), sizeof n) + text;
}

Result<std::string> gguf_head(const fs::path& path, const std::vector<Outgoing>& tensors,
                              const model::ModelConfig& config, DType dtype) {
  gguf::Head head;
  LODE_TRY(add_gguf_metadata(path, config, dtype, head));
  for (const Outgoing& t : tensors) {
    const std::vector<int64_t> dims(t.tensor->shape.rbegin(), t.tensor->shape.rend());
    const gguf::TensorType* type = nullptr;
    for (uint32_t id = 0; type == nullptr || type->name != kernels::name(t.dtype); ++id) type = gguf::tensor_type(id);
    head.add_tensor(t.name, *type, dims);
  }
  return head.bytes();
}

// Rows of one tensor, read, rounded and written.
class RowWriter {
 public:
  RowWriter(const kernels::Kernels& kernels, StagedFile& file, Progress& progress)
      : kernels_(kernels), file_(file), progress_(progress) {}

  Status write(const Outgoing& t) {
    const auto& shape = t.tensor->shape;
    const int64_t columns = shape.empty() ? 1 : shape.back();
    if (columns == 0) return {};
    const kernels::MatrixView view{t.tensor->data, t.tensor->dtype, t.tensor->n_elements() / columns,
                                   columns,        columns,         t.tensor->interleaved};
    const auto in_bytes = static_cast<size_t>(row_bytes(view.dtype, columns));
    const auto out_bytes = static_cast<size_t>(row_bytes(t.dtype, columns));
    const int64_t rows_at_once = std::max<int64_t>(1, kChunkElements / columns);
    row_.resize(static_cast<size_t>(columns));
    for (int64_t first = 0; first < view.rows; first += rows_at_once) {
      if (interrupted()) return fail(Code::cancelled, "interrupted");
      const int64_t n = std::min(rows_at_once, view.rows - first);
      chunk_.resize(static_cast<size_t>(n) * out_bytes);
      for (int64_t i = 0; i < n; ++i) {
        const std::byte* const source = view.row(turned(first + i, t.interleaved));
        std::byte* const out = chunk_.data() + static_cast<size_t>(i) * out_bytes;
        if (view.dtype == t.dtype) {
          std::copy_n(source, in_bytes, out);
          continue;
        }
        kernels_.to_f32(source, view.dtype, columns, row_.data());
        if (kernels::quantize(row_.data(), columns, t.dtype, out)) continue;
        return fail(Code::unsupported,
                    fmt::format("tensor {} holds numbers that are not finite or too large for {}",
                                weights::shown(t.tensor->name), kernels::name(t.dtype)),
                    "Choose f32 or bf16.");
      }
      LODE_TRY(file_.write(chunk_.data(), chunk_.size()));
      progress_.add(chunk_.size());
    }
    return {};
  }

 private:
  // The row that comes at place `at` of the output: neighbours there are half a head apart (kernels::MatrixView).
  static int64_t turned(int64_t at, int64_t head_dim) {
    if (head_dim == 0) return at;
    const int64_t in_head = at % head_dim;
    return at - in_head + in_head % 2 * (head_dim / 2) + in_head / 2;
  }

  const kernels::Kernels& kernels_;
  StagedFile& file_;
  Progress& progress_;
  std::vector<float> row_;
  std::vector<std::byte> chunk_;
};

Status run_convert(const ConvertOptions& options, const Globals& globals) {
  const bool gguf = options.output.ends_with(".gguf");
  LODE_TRY(check_output(options, gguf));
  LODE_ASSIGN(const fs::path path, resolve_model(options.model));
  LODE_ASSIGN(const kernels::Kernels* kernels, kernels::select());
  LODE_ASSIGN(const weights::Checkpoint checkpoint, weights::Checkpoint::open(path));
  LODE_ASSIGN(const model::ModelConfig config, model::read_config(checkpoint));
  const DType dtype = dtype_of(options.to);

  std::vector<Outgoing> tensors;
  std::string head;
  if (gguf) {
    LODE_ASSIGN(tensors, gguf_tensors(checkpoint, config, dtype));
    LODE_ASSIGN(head, gguf_head(path, tensors, config, dtype));
  } else {
    tensors = safetensors_tensors(checkpoint, dtype);
    head = safetensors_head(tensors);
  }
  const auto padding = [gguf](uint64_t n) { return gguf ? gguf::padding(n) : 0; };
  uint64_t n_bytes = head.size();
  for (const Outgoing& t : tensors) n_bytes += t.n_bytes() + padding(t.n_bytes());
  LODE_TRY(check_space(options.output, n_bytes));

  StagedFile file(options.output);
  LODE_TRY(file.open());
  LODE_TRY(file.write(head.data(), head.size()));
  {
    Progress progress("convert", n_bytes - head.size(), Unit::bytes, globals.quiet);
    RowWriter rows(*kernels, file, progress);
    constexpr std::array<std::byte, gguf::kDefaultAlignment> kZeros{};
    for (const Outgoing& t : tensors) {
      LODE_TRY(rows.write(t));
      LODE_TRY(file.write(kZeros.data(), padding(t.n_bytes())));
      checkpoint.release(*t.tensor);
    }
  }
  LODE_TRY(file.commit());
  if (!globals.quiet)
    print_message(fmt::format("{}: {} tensors, {}", options.output, tensors.size(), format_bytes(n_bytes)));
  return {};
}

}  // namespace

void add_convert(Commands& commands) {
  const auto options = std::make_shared<ConvertOptions>();
  CLI::App& app = commands.add("convert", "Write a model as one GGUF or safetensors file of another type",
                               "lode convert all-minilm-l6-v2 --to q8_0 -o minilm-q8_0.gguf",
                               [&commands, options] { return run_convert(*options, commands.globals()); });
  app.add_option("model", options->model, "Folder, .gguf file or name of a model (default: the default model)")
      ->type_name("M");
  app.add_option("--to", options->to, "Type of the matrices; vectors and small tables stay f32 in a GGUF file")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "q4_0"}))
      ->type_name("TYPE")
      ->required();
  app.add_option("-o,--output", options->output, "OUT.gguf (a whole model) or OUT.safetensors (its tensors)")
      ->type_name("OUT")
      ->required();
  app.add_flag("--force", options->force, "Overwrite OUT");
}

}  // namespace lode::apps

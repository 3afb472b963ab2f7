// `lode convert`: a model into one file of another type, GGUF or safetensors. Tensor by tensor, a few megabytes of rows
// at a time, so that memory does not grow with the model; the output appears under its name when it is whole.
#include <algorithm>
#include <array>
#include <memory>
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
#include "apps/rounded_model.h"
#include "apps/staged_file.h"
#include "apps/tensor_writer.h"
#include "base/gguf_head.h"
#include "base/parallel.h"
#include "kernels/cpu.h"
#include "model/config.h"
#include "model/model.h"
#include "model/rounding.h"
#include "weights/checkpoint.h"
#include "weights/safetensors.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;
using kernels::DType;

struct ConvertOptions {
  std::string model;
  std::string to;
  std::string output;
  bool force = false;
};

constexpr std::array kTypes = {std::pair{"f32", DType::f32}, std::pair{"f16", DType::f16},
                               std::pair{"bf16", DType::bf16}, std::pair{"q8_0", DType::q8_0},
                               std::pair{"q4_0", DType::q4_0}};

// CLI11 lets no other name through.
DType dtype_of(std::string_view option) {
  return std::ranges::find(kTypes, option, &std::pair<const char*, DType>::first)->second;
}

Status check_output(const ConvertOptions& options, bool gguf) {
  std::error_code error;
  if (!gguf && !options.output.ends_with(".safetensors")) {
    return fail(Code::invalid_argument,
                fmt::format("--output is {}, expected a name that ends in .gguf or .safetensors", options.output));
  }
  if (!gguf && (options.to.starts_with("int") || kernels::is_blocked(dtype_of(options.to)))) {
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

// llama.cpp wants everything but the large matrices in F32; so do the latents, which are normalised before use.
bool stays_f32(const weights::Tensor& tensor, std::string_view gguf_name) {
  return tensor.shape.size() != 2 || gguf_name == "position_embd.weight" || gguf_name == "token_types.weight" ||
         gguf_name == "latents.weight";
}

Result<std::vector<OutgoingTensor>> gguf_tensors(const weights::Checkpoint& checkpoint,
                                                 const model::ModelConfig& config, DType dtype) {
  const weights::GgufArchitecture architecture = gguf_architecture(config);
  std::vector<OutgoingTensor> out;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    if (weights::is_unused_tensor(tensor.name)) continue;
    auto name = weights::to_gguf_name(architecture, tensor.name);
    if (!name) {
      return fail(Code::unsupported,
                  fmt::format("tensor {} has no name in a GGUF file of architecture {}", weights::shown(tensor.name),
                              weights::name(architecture)),
                  "The checkpoint holds more than the model that Lodestone computes.");
    }
    OutgoingTensor outgoing{.tensor = &tensor, .name = std::move(*name), .dtype = dtype};
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
std::vector<OutgoingTensor> safetensors_tensors(const weights::Checkpoint& checkpoint, DType dtype) {
  std::vector<OutgoingTensor> out;
  for (const weights::Tensor& tensor : checkpoint.tensors()) {
    const bool keep = tensor.shape.size() < 2 && !kernels::is_blocked(tensor.dtype);
    out.push_back({&tensor, std::string(tensor.name), keep ? tensor.dtype : dtype, 0});
  }
  return out;
}

std::string safetensors_head(const std::vector<OutgoingTensor>& tensors) {
  nlohmann::ordered_json header{{"__metadata__", {{"format", "pt"}}}};
  uint64_t at = 0;
  for (const OutgoingTensor& t : tensors) {
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

Result<std::string> gguf_head(const fs::path& path, const std::vector<OutgoingTensor>& tensors,
                              const model::ModelConfig& config, DType dtype) {
  gguf::Head head;
  LODE_TRY(add_gguf_metadata(path, config, dtype, head));
  for (const OutgoingTensor& t : tensors) {
    const std::vector<int64_t> dims(t.tensor->shape.rbegin(), t.tensor->shape.rend());
    head.add_tensor(t.name, *gguf::find_tensor_type(kernels::name(t.dtype)), dims);
  }
  return head.bytes();
}

Status run_convert(const ConvertOptions& options, const Globals& globals) {
  const bool gguf = options.output.ends_with(".gguf");
  LODE_TRY(check_output(options, gguf));
  LODE_ASSIGN(const fs::path path, resolve_model(options.model));
  LODE_ASSIGN(const kernels::Kernels* kernels, kernels::select());
  LODE_ASSIGN(const weights::Checkpoint checkpoint, weights::Checkpoint::open(path));
  LODE_ASSIGN(const model::ModelConfig config, model::read_config(checkpoint));
  LODE_TRY(model::Model::check(checkpoint));
  if (model::default_arithmetic(checkpoint) != model::Arithmetic::f32) {
    return fail(Code::invalid_argument, fmt::format("the weights of {} are rounded already", path.string()),
                "Convert the model that the file was made of.");
  }
  if (const auto arithmetic = model::find_arithmetic(options.to); arithmetic && model::in_few_bits(*arithmetic)) {
    return write_rounded_model(path, checkpoint, config, *arithmetic, options.output, globals);
  }
  const DType dtype = dtype_of(options.to);

  std::vector<OutgoingTensor> tensors;
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
  for (const OutgoingTensor& t : tensors) n_bytes += t.n_bytes() + padding(t.n_bytes());
  StagedFile file(options.output);
  LODE_TRY(file.check_space(n_bytes));
  LODE_TRY(file.open());
  LODE_TRY(file.write(head.data(), head.size()));
  {
    Progress progress("convert", n_bytes - head.size(), Unit::bytes, globals.quiet);
    ThreadPool pool(globals.threads == 0 ? available_cores() : globals.threads);
    TensorWriter writer(checkpoint, *kernels, pool, file, progress);
    constexpr std::array<std::byte, gguf::kDefaultAlignment> kZeros{};
    for (const OutgoingTensor& t : tensors) {
      LODE_TRY(writer.write(t));
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
  app.add_option("--to", options->to,
                 "Type of the matrices; vectors and small tables stay f32 in a GGUF file. int8 and int4: rounded as "
                 "--dtype does it, for lode alone, ready at start")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "q4_0", "int8", "int4"}))
      ->type_name("TYPE")
      ->required();
  app.add_option("-o,--output", options->output, "OUT.gguf (a whole model) or OUT.safetensors (its tensors)")
      ->type_name("OUT")
      ->required();
  app.add_flag("--force", options->force, "Overwrite OUT");
}

}  // namespace lode::apps

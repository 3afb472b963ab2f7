// A model folder in Hugging Face layout, opened and checked: tensors by name as views into memory-mapped safetensors
// files (one model.safetensors, or shards through model.safetensors.index.json), and the JSON files beside them. Or a
// GGUF file, which is shown as the folder that it came from (gguf_model.h).
// Everything malformed is refused here with file, tensor, what was found and what was expected; after open() every view
// is in bounds, aligned for its type, and every shape multiplies without overflow. Tensors of types that no model
// computes with (the I64 position ids of old BERT files) are set aside by name. Immutable after open, so any thread may
// read; views live as long as the Checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "kernels/dtype.h"
#include "kernels/packed_matrix.h"

namespace lode::weights {

struct Tensor {
  std::string_view name;  // as in the file; of a GGUF file, Hugging Face's
  kernels::DType dtype{};
  std::vector<int64_t> shape;  // row-major, PyTorch order [out, in]
  const std::byte* data = nullptr;
  size_t n_bytes = 0;
  uint32_t file = 0;  // index into Checkpoint::files()
  // Not 0: rows of heads of so many lie as kernels::MatrixView has it (Q and K of llama.cpp's own architectures).
  int64_t interleaved = 0;
  // A matrix that was rounded before (kernels::PackedMatrix): its bytes are laid out so, whatever dtype says.
  std::optional<kernels::Packing> packing{};
  int64_t group = 0;  // of such a matrix: elements that share a scale

  [[nodiscard]] int64_t n_elements() const;
  [[nodiscard]] std::string shape_text() const;  // "[4096, 1024]"
};

// "F16", or of a rounded matrix "int4-rotated".
std::string_view type_name(const Tensor& tensor);

// A tensor that is well-formed but of none of kernels::DType.
struct SkippedTensor {
  std::string_view name;
  std::string_view dtype;  // as in the file: "I64"
};

class Checkpoint {
 public:
  // A folder or a .gguf file. Errors: not_found (no such folder, no config.json, no weights, a missing shard),
  // unsupported (PyTorch pickles, architectures and types that are not computed with), corrupt (anything malformed).
  static Result<Checkpoint> open(const std::filesystem::path& folder);

  Checkpoint(Checkpoint&&) noexcept;
  Checkpoint& operator=(Checkpoint&&) noexcept;
  ~Checkpoint();

  [[nodiscard]] const std::filesystem::path& folder() const;  // or the GGUF file
  // "model.safetensors", or each shard's file name, or the GGUF file's.
  [[nodiscard]] std::span<const std::string> files() const;

  // All tensors, sorted by name.
  [[nodiscard]] std::span<const Tensor> tensors() const;
  [[nodiscard]] std::span<const SkippedTensor> skipped() const;  // sorted by name
  // Looks `name` up bare and behind the prefixes "model.", "embedding_model.", "bert.": published checkpoints of one
  // architecture differ only there. Null when absent.
  [[nodiscard]] const Tensor* find(std::string_view name) const;
  // find, or an error: corrupt when it is missing or its shape is not the expected one, unsupported when it was
  // skipped.
  Result<const Tensor*> require(std::string_view name, std::span<const int64_t> shape) const;

  // config.json (always there after open) and an optional sidecar, e.g. "1_Pooling/config.json"; a sidecar that is
  // there but is not JSON is an error, and so is a path that leaves the folder (modules.json may name one). Documents
  // are parsed once and live as long as the Checkpoint.
  [[nodiscard]] json::Value config() const;
  Result<std::optional<json::Value>> sidecar(std::string_view relative_path) const;

  // Gives the tensor's pages back to the kernel after it was copied or folded (see MappedFile::release).
  void release(const Tensor& tensor) const;
  // Of n_bytes of it from byte `begin` on.
  void release(const Tensor& tensor, size_t begin, size_t n_bytes) const;

  [[nodiscard]] size_t total_bytes() const;  // of all tensors

 private:
  struct Impl;
  explicit Checkpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::weights

// A tensor of a checkpoint into a file, a few megabytes of rows at a time: read in whatever type it has, rounded into
// another one on all threads of a pool, in the row order of the output. Every number is checked to be finite, and pages
// of the source are given back as it goes. The same bytes for any number of threads. One thread at a time.
#pragma once

#include <string>
#include <vector>

#include "apps/progress.h"
#include "apps/staged_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "kernels/cpu.h"
#include "weights/checkpoint.h"

namespace lode::apps {

// Its name and type in the output, and whether its rows are interleaved there (kernels::MatrixView).
struct OutgoingTensor {
  const weights::Tensor* tensor = nullptr;
  std::string name;
  kernels::DType dtype{};  // one that kernels::can_quantize, or the tensor's own
  int64_t interleaved = 0;

  [[nodiscard]] uint64_t n_bytes() const {
    return static_cast<uint64_t>(kernels::row_bytes(dtype, tensor->n_elements()));
  }
};

class TensorWriter {
 public:
  TensorWriter(const weights::Checkpoint& checkpoint, const kernels::Kernels& kernels, ThreadPool& pool,
               StagedFile& file, Progress& progress)
      : checkpoint_(checkpoint), kernels_(kernels), pool_(pool), file_(file), progress_(progress) {}

  // One of the checkpoint's. Errors: io, cancelled, unsupported where a number is not finite or too large for the type.
  Status write(const OutgoingTensor& outgoing);

 private:
  [[nodiscard]] bool is_finite(const std::byte* row, kernels::DType dtype, int64_t columns,
                               std::vector<float>& unpacked) const;

  const weights::Checkpoint& checkpoint_;
  const kernels::Kernels& kernels_;
  ThreadPool& pool_;
  StagedFile& file_;
  Progress& progress_;
  std::vector<std::vector<float>> rows_;  // one a worker
  std::vector<std::byte> chunk_;
};

}  // namespace lode::apps

// A GGUF file as the model folder that it came from: its tensors under Hugging Face's names, config.json and the
// sentence-transformers sidecars. Files written by `lode convert` carry the original JSON files (keys
// "lode.file.PATH"); of others they are made from the metadata that llama.cpp defines. Refuses architectures, scalings
// and tensors that the models here do not compute with. The views in the result point into the bytes that the file was
// parsed from. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/gguf.h"
#include "kernels/dtype.h"
#include "kernels/packed_matrix.h"
#include "weights/gguf_names.h"

namespace lode::weights {

struct GgufModel {
  struct Tensor {
    std::string name;  // Hugging Face's
    std::string_view type;
    std::vector<int64_t> shape;  // row-major
    uint64_t begin = 0;          // of the file
    uint64_t n_bytes = 0;
    int64_t interleaved = 0;
    std::optional<kernels::Packing> packing{};  // of one that was rounded before
    int64_t group = 0;                          // its elements that share a scale
  };
  GgufArchitecture architecture{};
  std::vector<Tensor> tensors;
  std::map<std::string, std::string, std::less<>> files;  // by path; "config.json" is always there
};

// `what` names the file in errors: Code::corrupt or Code::unsupported.
Result<GgufModel> read_gguf_model(const gguf::File& file, std::string_view what);

}  // namespace lode::weights

// What a GGUF file says about its model besides the tensors: the keys by which llama.cpp knows it, the tokenizer, and
// the folder's own files ("lode.file.PATH"), so that reading it back gives the folder exactly. Of a model that was a
// GGUF file before, its keys go over as they are. Main thread only.
#pragma once

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/gguf_head.h"
#include "kernels/dtype.h"
#include "model/config.h"
#include "weights/gguf_names.h"

namespace lode::apps {

// The architecture that a model goes out as: bert, llama-embed (bidirectional), llama (causal), or nv-embed.
weights::GgufArchitecture gguf_architecture(const model::ModelConfig& config);

// All keys but the tensors. `path`: the model's folder or GGUF file; `dtype`: what its matrices are stored as, empty
// for what is none of ggml's types.
Status add_gguf_metadata(const std::filesystem::path& path, const model::ModelConfig& config,
                         std::optional<kernels::DType> dtype, gguf::Head& head);

}  // namespace lode::apps

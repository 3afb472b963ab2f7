// A model as one GGUF file whose linear layers are rounded and laid out as the kernels read them, so that it is used
// where it is mapped: `lode convert --to int8|int4`. Its vectors are those of `--dtype int8|int4` of the model, bit for
// bit on the same instruction set. Weight by weight, so that memory does not grow with the model. Main thread only.
#pragma once

#include <filesystem>
#include <string>

#include "apps/command.h"
#include "base/error.h"
#include "model/arithmetic.h"
#include "model/config.h"
#include "weights/checkpoint.h"

namespace lode::apps {

// `path`: what the checkpoint was opened from. The output appears when it is whole.
Status write_rounded_model(const std::filesystem::path& path, const weights::Checkpoint& checkpoint,
                           const model::ModelConfig& config, model::Arithmetic arithmetic, const std::string& output,
                           const Globals& globals);

}  // namespace lode::apps

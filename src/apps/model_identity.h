// What a model is, by content: the sum of the files that decide its vectors, and everything else that does. Two runs
// with the same identity give the same bits. Sums of large files are remembered by path, size and times in a file of
// their own, so that a model is read whole once. Main thread only.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"
#include "embed/embedder.h"

namespace lode::apps {

// Raised by a change that alters the bits of a model's vectors: another order of additions, another tokenisation.
inline constexpr int kNumericsVersion = 6;

struct ModelDigest {
  std::string sha256;  // over the list "SHA-256, two spaces, path" of the model's files, as sha256sum prints it
  uint64_t n_bytes = 0;
};
// All files that needed_files() finds but texts for people, or a GGUF file. `memory`: where sums are remembered, "" for
// nowhere; that it cannot be written is no error. Errors: io, cancelled.
Result<ModelDigest> digest_model(const std::filesystem::path& path, const std::filesystem::path& memory, bool quiet);

// For index::VectorCache: digest, kernel path, arithmetic and limits of this process.
std::string model_identity(const ModelDigest& digest, const embed::Embedder& embedder, std::string_view kernel_path);

}  // namespace lode::apps

// What a result says of the system that was measured: enough to tell two results apart, and to find it again. Plain
// data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "embed/embedder.h"
#include "kernels/cpu.h"

namespace lode::apps {

struct EvalModel {
  std::string name;      // "sentence-transformers/all-MiniLM-L6-v2": the hub's where it is known
  std::string revision;  // the hub's commit where it is known, else the first 40 digits of sha256, or a version
  // Of the model's files (model_identity.h); "" where there are none.
  std::string sha256;
  std::string dtype;    // of the arithmetic
  std::string kernels;  // the instruction set
  int64_t n_dims = 0;
  int64_t max_tokens = 0;
  bool takes_instruction = false;
  bool is_bm25 = false;
};

// A model behind a server: only what decides its requests is known, and the revision is the sum of that.
EvalModel describe_remote(std::string name, const std::string& identity, int64_t n_dims);

// A TREC run in the place of a model. Errors: io, cancelled.
Result<EvalModel> describe_run(const std::filesystem::path& file);

// What ranks by terms (kBm25, kLexical) has no files: its revision is Lodestone's version.
EvalModel describe_terms(std::string name);

// `sha256` is digest_model()'s.
EvalModel describe_model(const std::filesystem::path& folder, std::string sha256, const embed::Embedder& embedder,
                         kernels::Isa isa);

}  // namespace lode::apps

// A model ready to embed: tokenizer, configuration, weights and thread pool in one object. tokenize() is const and may
// run on any number of threads; compute() uses the pool and belongs to one thread at a time (embed/queue's engine
// thread, or a command's main thread).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/parallel.h"
#include "embed/prompt.h"
#include "kernels/dtype.h"
#include "model/arithmetic.h"
#include "model/config.h"
#include "text/tokenizer.h"

namespace lode::embed {

struct EmbedderOptions {
  int n_threads = 0;                // 0: one per core that this process may use
  int64_t max_batch_tokens = 2048;  // tokens of one forward pass; a longer sequence gets a pass of its own
  int64_t max_tokens = 0;           // default limit of a text; 0: the model's own
  std::optional<model::Arithmetic> arithmetic{};  // empty: see model::choose_arithmetic
  std::shared_ptr<ThreadPool> pool{};  // threads shared with other embedders that compute in turn; else its own
};

class Embedder {
 public:
  // Opens the folder, checks config, tensors and tokenizer against each other, prepares the weights (in f32
  // arithmetic 16-bit weights stay 16-bit in memory).
  static Result<std::unique_ptr<Embedder>> open(const std::filesystem::path& folder, const EmbedderOptions& options);
  ~Embedder();

  [[nodiscard]] const model::ModelConfig& config() const;
  [[nodiscard]] const text::Tokenizer& tokenizer() const;
  [[nodiscard]] int64_t dims() const;        // of one vector
  [[nodiscard]] int64_t max_tokens() const;  // default limit of a text
  [[nodiscard]] int64_t max_batch_tokens() const;
  [[nodiscard]] int n_threads() const;
  [[nodiscard]] model::Arithmetic arithmetic() const;

  // build_sequence with this model's tokenizer and configuration; max_tokens 0 means max_tokens(), more than
  // config().max_positions is refused.
  Result<TokenSequence> tokenize(std::string_view text, std::string_view instruction, int64_t max_tokens,
                                 Truncate truncate) const;

  // The same for ids of this model's own vocabulary, special tokens as the caller has put them; all positions are
  // pooled. Errors: invalid_argument when there are none or one is not in the vocabulary, too_long.
  Result<TokenSequence> from_ids(std::span<const int64_t> ids, int64_t max_tokens, Truncate truncate) const;

  // vectors: [sequences.size(), dims()], row i for sequence i, whatever the packing. Cuts the list into passes of
  // max_batch_tokens. A vector's bits do not depend on the other sequences, their order or n_threads.
  // Errors: internal when a result is not finite.
  Status compute(std::span<const TokenSequence> sequences, std::span<float> vectors);

 private:
  struct Impl;
  explicit Embedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace lode::embed

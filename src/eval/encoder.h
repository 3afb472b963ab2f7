// Texts in, unit vectors out: what a dense model is to an evaluation.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "embed/embedder.h"
#include "embed/prompt.h"

namespace lode::eval {

// How texts are handed to a model: as queries or as documents, and what a query's instruction says, for models that
// take one ("" is the model's default).
struct Prompt {
  embed::InputType side = embed::InputType::passage;
  std::string_view task;
};

// Told how many texts of a call are done; false from it ends the call with Code::cancelled.
using OnText = std::function<bool(size_t n_done, size_t n_all)>;

class Encoder {
 public:
  virtual ~Encoder() = default;
  [[nodiscard]] virtual int64_t dims() const = 0;
  // [texts.size(), dims()], row i for text i, each of length 1.
  virtual Result<std::vector<float>> encode(std::span<const std::string> texts, const Prompt& prompt,
                                            const OnText& on_text) = 0;
};

// A model of this process. Texts longer than the model takes are cut at the end, as the field's harnesses do; passes
// hold texts of similar length.
class ModelEncoder final : public Encoder {
 public:
  explicit ModelEncoder(embed::Embedder& embedder) : embedder_(embedder) {}

  [[nodiscard]] int64_t dims() const override { return embedder_.dims(); }
  Result<std::vector<float>> encode(std::span<const std::string> texts, const Prompt& prompt,
                                    const OnText& on_text) override;

 private:
  embed::Embedder& embedder_;
};

}  // namespace lode::eval

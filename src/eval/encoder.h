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

class Encoder {
 public:
  virtual ~Encoder() = default;
  [[nodiscard]] virtual int64_t dims() const = 0;
  // [texts.size(), dims()], row i for text i, each of length 1. `task`: what a query's instruction says, for models
  // that take one.
  virtual Result<std::vector<float>> encode(std::span<const std::string> texts, embed::InputType side,
                                            std::string_view task) = 0;
};

// A model of this process. Texts longer than the model takes are cut at the end, as the field's harnesses do; passes
// hold texts of similar length.
class ModelEncoder final : public Encoder {
 public:
  // `on_text` is told the number of texts done so far in a call; false from it ends the call with Code::cancelled.
  using OnText = std::function<bool(size_t n_done, size_t n_all)>;
  explicit ModelEncoder(embed::Embedder& embedder, OnText on_text = {})
      : embedder_(embedder), on_text_(std::move(on_text)) {}

  [[nodiscard]] int64_t dims() const override { return embedder_.dims(); }
  Result<std::vector<float>> encode(std::span<const std::string> texts, embed::InputType side,
                                    std::string_view task) override;

 private:
  embed::Embedder& embedder_;
  OnText on_text_;
};

}  // namespace lode::eval

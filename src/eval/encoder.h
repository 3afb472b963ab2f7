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

struct Encoded {
  size_t text = 0;                // its index
  std::span<const float> vector;  // [dims()], valid during the call
  bool computed = true;           // false: it was there already
};
// An error from it ends the call.
using OnVector = std::function<Status(const Encoded& encoded)>;

class Encoder {
 public:
  virtual ~Encoder() = default;
  [[nodiscard]] virtual int64_t dims() const = 0;
  // What the prompt does to a text: equal strings mean equal vectors of equal texts. What caches go by.
  [[nodiscard]] virtual Result<std::string> applied(const Prompt& prompt) const = 0;
  // About how much work a text is, next to another.
  [[nodiscard]] virtual uint64_t weight(std::string_view text) const { return kTextWeight + text.size(); }
  // Vectors of length 1, one for each text, in any order, as they come; on the calling thread.
  virtual Status encode_each(std::span<const std::string> texts, const Prompt& prompt, const OnVector& on_vector) = 0;

  // All of them: [texts.size(), dims()], row i for text i.
  Result<std::vector<float>> encode(std::span<const std::string> texts, const Prompt& prompt, const OnText& on_text);

 protected:
  static constexpr uint64_t kTextWeight = 16;  // of a text's special tokens and other costs, in bytes of text
};

// A model of this process. Texts longer than the model takes are cut at the end, as the field's harnesses do. Texts are
// tokenised in windows, so that memory does not grow with the corpus; passes hold texts of similar length.
class ModelEncoder final : public Encoder {
 public:
  explicit ModelEncoder(embed::Embedder& embedder) : embedder_(embedder) {}

  [[nodiscard]] int64_t dims() const override { return embedder_.dims(); }
  [[nodiscard]] Result<std::string> applied(const Prompt& prompt) const override;  // the instruction
  // What is cut off costs nothing.
  [[nodiscard]] uint64_t weight(std::string_view text) const override;
  Status encode_each(std::span<const std::string> texts, const Prompt& prompt, const OnVector& on_vector) override;

 private:
  embed::Embedder& embedder_;
};

// Makes a vector's length 1; zero stays zero.
void normalise(std::span<float> vector);

}  // namespace lode::eval

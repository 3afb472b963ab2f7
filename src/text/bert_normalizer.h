// BERT's normalizer: cleans controls and white space, sets ideographs apart, strips accents, lowers case, in this order
// and each as the published tokenizers do it. Constant after construction: any thread may call.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace lode::text {

struct BertNormalizerOptions {
  bool clean_text = true;
  bool space_ideographs = true;
  std::optional<bool> strip_accents;  // absent: as lowercase
  bool lowercase = true;
};

class BertNormalizer {
 public:
  explicit BertNormalizer(const BertNormalizerOptions& options);

  // Appends the normalised text; `raw` is valid UTF-8.
  void normalize(std::string_view raw, std::string& out) const;

 private:
  BertNormalizerOptions options_;
  bool strips_;
  std::array<char, 128> ascii_{};  // what becomes of each
  std::array<bool, 128> drops_{};  // or that nothing does
};

}  // namespace lode::text

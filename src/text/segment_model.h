// What a tokenizer does with the text between two added tokens: normalise it, then cut it into ids. One implementation
// a family: Bpe and WordPiece. Constant after construction: any thread may call.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace lode::text {

class SegmentModel {
 public:
  SegmentModel() = default;
  SegmentModel(const SegmentModel&) = delete;
  SegmentModel& operator=(const SegmentModel&) = delete;
  virtual ~SegmentModel() = default;

  // Appends the normalised text of `raw`, which is valid UTF-8 and not empty.
  virtual void normalize(std::string_view raw, std::string& out) const = 0;

  // Appends the ids of normalised text. `at_start`: it opens the whole text.
  virtual void encode(std::string_view normalized, bool at_start, std::vector<TokenId>& ids) const = 0;

  [[nodiscard]] virtual std::string description() const = 0;
};

}  // namespace lode::text

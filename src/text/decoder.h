// Pieces back to text, by the decoder that a tokenizer file describes. Constant after construction: any thread may
// call.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace lode::text {

class Decoder {
 public:
  struct Replace {
    std::string from;  // not empty
    std::string to;
  };
  struct ByteFallback {};  // runs of <0x..> pieces become their characters, U+FFFD a byte where they are none
  struct Fuse {};          // all pieces become one
  struct Strip {           // up to this many of a character off each piece
    std::string content;
    size_t start = 0;
    size_t stop = 0;
  };
  struct Metaspace {  // marks become spaces, those of the first piece nothing if `prepended`
    std::string mark;
    bool prepended = true;
  };
  struct WordPiece {  // a space before each piece that does not continue a word
    std::string prefix;
    bool cleanup = true;  // English: no space before full stops, "do n't" to "don't"
  };
  using Step = std::variant<Replace, ByteFallback, Fuse, Strip, Metaspace, WordPiece>;

  Decoder() = default;  // none: pieces are joined with spaces
  explicit Decoder(std::vector<Step> steps) : steps_(std::move(steps)), joins_with_spaces_(false) {}

  [[nodiscard]] std::string decode(std::vector<std::string> pieces) const;

 private:
  std::vector<Step> steps_;
  bool joins_with_spaces_ = true;
};

}  // namespace lode::text

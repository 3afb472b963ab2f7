// Reads a SentencePiece model file (tokenizer.model): the protobuf fields that decide the ids. Every length is checked
// against the bytes that are there. Stateless: any thread may call.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::text {

// What a space becomes, and what stands in front of a word.
inline constexpr std::string_view kWordMark = "\u2581";

struct SentencePieceModel {
  enum class Type : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string_view text;
    float score = 0;
    Type type = Type::normal;
  };
  enum class Algorithm : uint8_t { unigram = 1, bpe = 2, word = 3, character = 4 };

  std::vector<Piece> pieces;  // their index is their id; views into the bytes given to parse()
  Algorithm algorithm = Algorithm::unigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  bool has_character_map = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;

  // `what` names the file in errors.
  static Result<SentencePieceModel> parse(std::string_view bytes, std::string_view what);
};

}  // namespace lode::text

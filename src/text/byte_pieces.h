// The 256 pieces "<0x00>" to "<0xFF>" that stand for single bytes.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/error.h"
#include "text/vocab.h"

namespace lode::text {

// Refuses a vocabulary that lacks one. `what` names the file in errors.
inline Result<std::array<TokenId, 256>> find_byte_pieces(const Vocab& vocab, std::string_view what) {
  std::array<TokenId, 256> ids{};
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    const std::string piece = fmt::format("<0x{:02X}>", byte);
    const auto id = vocab.id_of(piece);
    if (!id)
      return fail(Code::corrupt, fmt::format("{}: byte fallback needs the piece {}, which is missing", what, piece));
    ids[byte] = *id;
  }
  return ids;
}

}  // namespace lode::text

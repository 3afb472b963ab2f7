#include "text/pipeline.h"

#include "text/utf8.h"

namespace lode::text {

void Pipeline::encode(std::string_view text, std::vector<TokenId>& ids) const {
  const utf8::Repaired repaired(text);
  std::string normalized;
  parts_.added.in_raw().split(repaired.text(), [&](const Stretch& outer) {
    if (outer.id >= 0) {
      ids.push_back(outer.id);
      return;
    }
    normalized.clear();
    parts_.model->normalize(outer.text, normalized);
    parts_.added.in_normalized().split(normalized, [&](const Stretch& inner) {
      if (inner.id >= 0) {
        ids.push_back(inner.id);
      } else {
        parts_.model->encode(inner.text, outer.at == 0 && inner.at == 0, ids);
      }
    });
  });
}

std::string Pipeline::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::vector<std::string> pieces;
  pieces.reserve(ids.size());
  for (const TokenId id : ids) {
    if (skip_special && parts_.added.is_special(id)) continue;
    if (const auto piece = parts_.vocab.piece_of(id); !piece.empty()) pieces.emplace_back(piece);
  }
  return parts_.decoder.decode(std::move(pieces));
}

}  // namespace lode::text

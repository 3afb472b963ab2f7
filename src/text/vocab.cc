#include "text/vocab.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/json.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

uint64_t hash_of(std::string_view bytes) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15U;
  uint64_t hash = bytes.size() * kMultiplier;
  while (!bytes.empty()) {
    uint64_t word = 0;
    const size_t n = std::min(bytes.size(), sizeof(word));
    std::memcpy(&word, bytes.data(), n);
    hash = (std::rotl(hash, 23) ^ word) * kMultiplier;
    bytes.remove_prefix(n);
  }
  return hash ^ hash >> 32;
}

}  // namespace

Result<Vocab> Vocab::make(const std::vector<std::pair<std::string_view, TokenId>>& pieces, std::string_view what) {
  Vocab vocab;
  size_t n_bytes = 0;
  TokenId max_id = -1;
  for (const auto& [piece, id] : pieces) {
    n_bytes += piece.size();
    if (id <= kMaxId) max_id = std::max(max_id, id);
  }
  vocab.bytes_.reserve(n_bytes);
  vocab.pieces_.reserve(static_cast<size_t>(max_id + 1));
  vocab.rehash(std::bit_ceil(2 * pieces.size() + 16));
  for (const auto& [piece, id] : pieces) LODE_TRY(vocab.add(piece, id, what));
  return vocab;
}

size_t Vocab::slot_of(std::string_view piece) const {
  size_t slot = hash_of(piece) & (slots_.size() - 1);
  while (slots_[slot] >= 0 && piece_of(slots_[slot]) != piece) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

void Vocab::rehash(size_t n_slots) {
  slots_.assign(n_slots, -1);
  for (TokenId id = 0; id < size(); ++id) {
    if (const auto piece = piece_of(id); !piece.empty()) slots_[slot_of(piece)] = id;
  }
}

Status Vocab::add(std::string_view piece, TokenId id, std::string_view what) {
  if (piece.empty()) return fail(Code::corrupt, fmt::format("{}: the piece of id {} is empty", what, id));
  if (!utf8::is_valid(piece)) {
    return fail(Code::corrupt,
                fmt::format("{}: the piece of id {} is not valid UTF-8: {}", what, id, json::quote(piece)));
  }
  if (id < 0 || id > kMaxId) {
    return fail(Code::corrupt,
                fmt::format("{}: id {} of piece {}, expected 0 to {}", what, id, json::quote(piece), kMaxId));
  }
  const size_t slot = slot_of(piece);
  if (slots_[slot] == id) return {};
  if (slots_[slot] >= 0) {
    return fail(Code::corrupt,
                fmt::format("{}: piece {} has two ids, {} and {}", what, json::quote(piece), slots_[slot], id));
  }
  if (const auto taken = piece_of(id); !taken.empty()) {
    return fail(Code::corrupt, fmt::format("{}: id {} is given to two pieces, {} and {}", what, id, json::quote(taken),
                                           json::quote(piece)));
  }
  if (bytes_.size() + piece.size() > UINT32_MAX) {
    return fail(Code::too_large, fmt::format("{}: the pieces take more than 4 GiB", what));
  }
  if (id >= size()) pieces_.resize(static_cast<size_t>(id) + 1);
  pieces_[static_cast<size_t>(id)] = {static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(piece.size())};
  bytes_.append(piece);
  slots_[slot] = id;
  if (2 * ++n_pieces_ > slots_.size()) rehash(2 * slots_.size());
  return {};
}

}  // namespace lode::text

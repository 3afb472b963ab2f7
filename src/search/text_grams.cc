#include "search/text_grams.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace lode::search {
namespace {

constexpr size_t kGram = 4;
constexpr size_t kWordBits = 64;

// ASCII letters lose their case, and some other bytes become one: a few more texts are read for that.
uint32_t gram_at(const char* bytes) {
  uint32_t out = 0;
  std::memcpy(&out, bytes, sizeof out);
  return (out | 0x20202020U) * 0x9E3779B1U;
}

// Bits are a number of the words' own size; a multiplication spreads the grams over them.
size_t bit_of(uint32_t gram, size_t n_bits) {
  return static_cast<size_t>((uint64_t{gram} * n_bits) >> 32U);
}

// What has another letter case beyond ASCII: k and s too, whose kin are the sign of Kelvin and the long s.
bool has_kin(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || c == 'k' || c == 'K' || c == 's' || c == 'S';
}

}  // namespace

std::vector<uint32_t> grams_of_text(std::string_view text, bool any_case) {
  std::vector<uint32_t> out;
  for (size_t i = 0; i + kGram <= text.size(); ++i) {
    if (any_case && std::ranges::any_of(text.substr(i, kGram), has_kin)) continue;
    out.push_back(gram_at(text.data() + i));
  }
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

TextGrams::TextGrams(std::string_view text) : bits_(text.size() / kWordBits + 1) {
  const size_t n_bits = bits_.size() * kWordBits;
  for (size_t i = 0; i + kGram <= text.size(); ++i) {
    const size_t bit = bit_of(gram_at(text.data() + i), n_bits);
    bits_[bit / kWordBits] |= uint64_t{1} << (bit % kWordBits);
  }
}

bool TextGrams::may_have(std::span<const uint32_t> grams) const {
  const size_t n_bits = bits_.size() * kWordBits;
  return std::ranges::all_of(grams, [&](uint32_t gram) {
    const size_t bit = bit_of(gram, n_bits);
    return (bits_[bit / kWordBits] >> (bit % kWordBits) & 1) != 0;
  });
}

size_t KnownGrams::Hash::operator()(const ContentHash& hash) const {
  size_t out = 0;
  std::memcpy(&out, hash.data(), sizeof out);
  return out;
}

std::vector<KnownGrams::Set> KnownGrams::take(std::span<const ContentHash> contents) {
  std::vector<Set> out(contents.size());
  std::unordered_map<ContentHash, Set, Hash> kept;
  const std::scoped_lock lock(mutex_);
  for (size_t i = 0; i < contents.size(); ++i) {
    const auto found = known_.find(contents[i]);
    if (found != known_.end()) kept[contents[i]] = out[i] = found->second;
  }
  known_.swap(kept);
  return out;
}

void KnownGrams::add(const ContentHash& content, Set grams) {
  const std::scoped_lock lock(mutex_);
  known_[content] = std::move(grams);
}

GramsOfTree::GramsOfTree(std::shared_ptr<KnownGrams> known, std::vector<ContentHash> contents)
    : known_(std::move(known)), contents_(std::move(contents)), sets_(contents_.size()), n_lacking_(sets_.size()) {}

void GramsOfTree::learn(size_t place, std::string_view text) {
  if (sets_[place] == nullptr) --n_lacking_;
  sets_[place] = std::make_shared<const TextGrams>(text);
  known_->add(contents_[place], sets_[place]);
}

void GramsOfTree::refresh() {
  if (n_lacking_ == 0) return;
  sets_ = known_->take(contents_);
  n_lacking_ = static_cast<size_t>(std::ranges::count(sets_, nullptr));
}

}  // namespace lode::search

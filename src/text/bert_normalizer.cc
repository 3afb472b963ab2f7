#include "text/bert_normalizer.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "text/unicode.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

// Accents off, case down. Decomposed characters wait here while marks may still follow that belong before them.
class Folder {
 public:
  Folder(bool strips, bool lowers, std::string& out) : strips_(strips), lowers_(lowers), out_(out) {}

  void put(char32_t c, uint16_t flags) {
    if (!strips_) return finish(c, flags);
    if ((flags & unicode::kDecomposes) == 0) return arrange(c, flags);
    char32_t hangul[3];
    for (const char32_t part : unicode::decomposition(c, hangul)) arrange(part, unicode::flags(part));
  }

  // Writes what waits: a character of combining class 0 comes next, or nothing.
  void flush() {
    if (waiting_.empty()) return;
    std::ranges::sort(waiting_);
    for (const uint64_t key : waiting_) {
      const auto c = static_cast<char32_t>(key & kScalarMask);
      finish(c, unicode::flags(c));
    }
    waiting_.clear();
  }

 private:
  void arrange(char32_t c, uint16_t flags) {
    if ((flags & unicode::kReorders) != 0) {
      waiting_.push_back(uint64_t{unicode::combining_class(c)} << 56 | uint64_t{waiting_.size()} << kScalarBits | c);
      return;
    }
    flush();
    finish(c, flags);
  }

  void finish(char32_t c, uint16_t flags) {
    if (strips_ && (flags & unicode::kMark) != 0) return;
    if (!lowers_ || (flags & unicode::kHasLower) == 0) return utf8::append(c, out_);
    for (const char32_t lower : unicode::lower_case(c)) utf8::append(lower, out_);
  }

  bool strips_;
  bool lowers_;
  std::string& out_;
  // Combining class, place and character in one number, so that they sort by class and keep their order within one.
  static constexpr int kScalarBits = 21;
  static constexpr uint64_t kScalarMask = (uint64_t{1} << kScalarBits) - 1;
  std::vector<uint64_t> waiting_;
};

}  // namespace

BertNormalizer::BertNormalizer(const BertNormalizerOptions& options)
    : options_(options), strips_(options.strip_accents.value_or(options.lowercase)) {
  for (char32_t c = 0; c < ascii_.size(); ++c) {
    const auto flags = unicode::flags(c);
    drops_[c] = options_.clean_text && (flags & unicode::kDrop) != 0;
    char to = static_cast<char>(c);
    if (options_.clean_text && (flags & unicode::kSpace) != 0) to = ' ';
    if (options_.lowercase && (flags & unicode::kHasLower) != 0) to = static_cast<char>(unicode::lower_case(c).front());
    ascii_[c] = to;
  }
}

void BertNormalizer::normalize(std::string_view raw, std::string& out) const {
  out.reserve(out.size() + raw.size());
  Folder folder(strips_, options_.lowercase, out);
  for (size_t at = 0; at < raw.size();) {
    const auto byte = static_cast<unsigned char>(raw[at]);
    if (byte < 0x80) {
      ++at;
      if (drops_[byte]) continue;
      folder.flush();
      out.push_back(ascii_[byte]);
      continue;
    }
    const auto [scalar, n_bytes] = utf8::scalar_at(raw, at);
    at += n_bytes;
    const auto flags = unicode::flags(scalar);
    if (options_.clean_text && (flags & unicode::kDrop) != 0) continue;
    if (options_.clean_text && (flags & unicode::kSpace) != 0) {
      folder.flush();
      out.push_back(' ');
    } else if (options_.space_ideographs && (flags & unicode::kCjk) != 0) {
      folder.flush();
      out.push_back(' ');
      folder.put(scalar, flags);
      folder.flush();
      out.push_back(' ');
    } else {
      folder.put(scalar, flags);
    }
  }
  folder.flush();
}

}  // namespace lode::text

#include "text/decoder.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "text/replace.h"
#include "text/utf8.h"

namespace lode::text {
namespace {

using Pieces = std::vector<std::string>;

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  append_replaced(text, from, to, out);
  return out;
}

// "<0x0A>" is 10.
std::optional<unsigned char> byte_of(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with('>')) return std::nullopt;
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, byte, 16);
  if (error != std::errc() || end != piece.data() + 5) return std::nullopt;
  return byte;
}

struct Apply {
  Pieces& pieces;

  void operator()(const Decoder::Replace& step) const {
    for (auto& piece : pieces) piece = replaced(piece, step.from, step.to);
  }

  void operator()(const Decoder::ByteFallback& /*step*/) const {
    Pieces out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (utf8::is_valid(bytes)) {
        out.push_back(std::exchange(bytes, {}));
        return;
      }
      for (size_t i = 0; i < bytes.size(); ++i) utf8::append(utf8::kReplacement, out.emplace_back());
      bytes.clear();
    };
    for (auto& piece : pieces) {
      if (const auto byte = byte_of(piece)) {
        bytes.push_back(static_cast<char>(*byte));
      } else {
        flush();
        out.push_back(std::move(piece));
      }
    }
    flush();
    pieces = std::move(out);
  }

  void operator()(const Decoder::Fuse& /*step*/) const {
    std::string all;
    for (const auto& piece : pieces) all += piece;
    pieces = {std::move(all)};
  }

  void operator()(const Decoder::Strip& step) const {
    for (auto& piece : pieces) {
      std::string_view rest = piece;
      for (size_t i = 0; i < step.start && rest.starts_with(step.content); ++i) rest.remove_prefix(step.content.size());
      for (size_t i = 0; i < step.stop && rest.ends_with(step.content); ++i) rest.remove_suffix(step.content.size());
      piece = std::string(rest);
    }
  }

  void operator()(const Decoder::Metaspace& step) const {
    for (size_t i = 0; i < pieces.size(); ++i) {
      pieces[i] = replaced(pieces[i], step.mark, i == 0 && step.prepended ? "" : " ");
    }
  }

  void operator()(const Decoder::WordPiece& step) const {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kCleanup = {{
        {" .", "."},
        {" ?", "?"},
        {" !", "!"},
        {" ,", ","},
        {" ' ", "'"},
        {" n't", "n't"},
        {" 'm", "'m"},
        {" do not", " don't"},
        {" 's", "'s"},
        {" 've", "'ve"},
        {" 're", "'re"},
    }};
    for (size_t i = 0; i < pieces.size(); ++i) {
      auto& piece = pieces[i];
      if (i > 0) piece = piece.starts_with(step.prefix) ? piece.substr(step.prefix.size()) : " " + piece;
      if (!step.cleanup) continue;
      for (const auto& [from, to] : kCleanup) piece = replaced(piece, from, to);
    }
  }
};

}  // namespace

std::string Decoder::decode(std::vector<std::string> pieces) const {
  for (const Step& step : steps_) std::visit(Apply{pieces}, step);
  std::string out;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (joins_with_spaces_ && i > 0) out += ' ';
    out += pieces[i];
  }
  return out;
}

}  // namespace lode::text

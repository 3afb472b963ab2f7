#include "index/line_chunker.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace lode::index {
namespace {

struct Line {
  size_t begin = 0;
  uint64_t strength = 0;  // as a chunk's first line
  size_t reach = 0;       // bytes to the nearest line that is stronger, or to an end of the text
};

constexpr size_t kTabColumns = 4;
constexpr size_t kMaxIndentation = 30;
constexpr int kHashBits = 56;
constexpr size_t kNarrowest = 8;  // a chunk's edges are strongest within max_bytes / 2, / 4, at last / 8

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// How good a beginning a line is by its looks: 0 for a blank line, 1 for one that closes a bracket, more for others.
uint64_t seam(std::string_view line, bool after_blank) {
  size_t indentation = 0, at = 0;
  for (; at < line.size() && (line[at] == ' ' || line[at] == '\t'); ++at) {
    indentation += line[at] == '\t' ? kTabColumns : 1;
  }
  if (at == line.size() || line[at] == '\n' || line[at] == '\r') return 0;
  if (line[at] == ')' || line[at] == ']' || line[at] == '}') return 1;
  const size_t outwards = kMaxIndentation - std::min(indentation, kMaxIndentation);
  return (after_blank ? 64 : 2) + outwards;
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  std::vector<uint64_t> hashes;
  bool after_blank = false;
  for (size_t begin = 0; begin < text.size();) {
    const size_t newline = text.find('\n', begin);
    const size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    const std::string_view line = text.substr(begin, end - begin);
    const uint64_t looks = seam(line, after_blank);
    after_blank = looks == 0;
    lines.push_back({.begin = begin, .strength = looks << kHashBits});
    hashes.push_back(hash_of(line));
    begin = end;
  }
  // With the line below, so that lines that stand everywhere ("@property") differ.
  for (size_t i = 0; i < lines.size(); ++i) {
    const uint64_t below = i + 1 < lines.size() ? hashes[i + 1] : 0;
    lines[i].strength |= (hashes[i] * 31 + below) * 0x9e3779b97f4a7c15 >> (64 - kHashBits);
  }
  return lines;
}

// The ends of the text count as stronger than any line. Of equals the first counts as the stronger.
void measure_reach(std::vector<Line>& lines, size_t n_bytes) {
  std::vector<size_t> open;  // lines that no later one has beaten, strongest first
  for (size_t i = 0; i < lines.size(); ++i) {
    while (!open.empty() && lines[open.back()].strength < lines[i].strength) {
      Line& beaten = lines[open.back()];
      beaten.reach = std::min(beaten.reach, lines[i].begin - beaten.begin);
      open.pop_back();
    }
    const size_t stronger = open.empty() ? 0 : lines[open.back()].begin;
    lines[i].reach = std::min(lines[i].begin - stronger, n_bytes - lines[i].begin);
    open.push_back(i);
  }
}

class Cutter {
 public:
  Cutter(const std::vector<Line>& lines, size_t n_bytes, size_t max_bytes)
      : lines_(lines), n_bytes_(n_bytes), max_bytes_(max_bytes) {}

  // Where chunks begin, within the lines [first, end), which a chunk's edges enclose.
  void cut(size_t first, size_t end, size_t divisor, std::vector<size_t>& begins) const {
    if (offset(end) - offset(first) <= max_bytes_ || end - first == 1) {
      begins.push_back(offset(first));
    } else if (divisor > kNarrowest) {
      fill(first, end, begins);
    } else {
      size_t piece = first;
      for (size_t i = first + 1; i < end; ++i) {
        if (lines_[i].reach * divisor < max_bytes_) continue;
        cut(piece, i, divisor * 2, begins);
        piece = i;
      }
      cut(piece, end, divisor * 2, begins);
    }
  }

 private:
  // Lines that look all alike: as many as fit.
  void fill(size_t first, size_t end, std::vector<size_t>& begins) const {
    size_t begin = first;
    begins.push_back(offset(begin));
    for (size_t i = first + 1; i < end; ++i) {
      if (offset(i + 1) - offset(begin) <= max_bytes_) continue;
      begin = i;
      begins.push_back(offset(begin));
    }
  }
  [[nodiscard]] size_t offset(size_t line) const { return line < lines_.size() ? lines_[line].begin : n_bytes_; }

  const std::vector<Line>& lines_;
  size_t n_bytes_;
  size_t max_bytes_;
};

// The first line's beginning at or after `from`; `to` is one.
size_t line_at_or_after(std::string_view text, size_t from, size_t to) {
  if (from == 0 || text[from - 1] == '\n') return from;
  return std::min(text.find('\n', from) + 1, to);
}

}  // namespace

std::vector<std::string_view> line_chunks(std::string_view text, const ChunkOptions& options) {
  std::vector<std::string_view> out;
  if (text.empty()) return out;
  std::vector<Line> lines = lines_of(text);
  measure_reach(lines, text.size());
  std::vector<size_t> begins;
  Cutter(lines, text.size(), options.max_bytes).cut(0, lines.size(), 2, begins);
  for (size_t i = 0; i < begins.size(); ++i) {
    const size_t end = i + 1 < begins.size() ? begins[i + 1] : text.size();
    const size_t from = begins[i] - std::min(begins[i], options.overlap_bytes);
    const size_t begin = line_at_or_after(text, from, begins[i]);
    out.push_back(text.substr(begin, end - begin));
  }
  return out;
}

}  // namespace lode::index

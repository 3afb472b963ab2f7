#include "apps/nearest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <vector>

namespace lode::apps {
namespace {

constexpr size_t kMaxLength = 256;  // nobody mistypes longer names, and the table is quadratic
constexpr size_t kMinPrefix = 3;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

struct Edits {
  size_t whole;   // from a to b
  size_t prefix;  // from a to the beginning of b that is nearest to it
};

Edits count_edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return {last[b.size()], *std::ranges::min_element(last)};
}

}  // namespace

std::string nearest(std::string_view typed, std::span<const std::string> candidates) {
  if (typed.empty() || typed.size() > kMaxLength) return {};
  const std::string wanted = lower(typed);
  std::string best;
  size_t best_edits = std::max<size_t>(1, typed.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const Edits edits = count_edits(wanted, lower(candidate));
    // "mod" means models: an unfinished name is as good as one with a slip more.
    const size_t n = typed.size() < kMinPrefix ? edits.whole : std::min(edits.whole, edits.prefix + 1);
    if (n < best_edits && n < candidate.size()) {
      best_edits = n;
      best = candidate;
    }
  }
  return best;
}

}  // namespace lode::apps

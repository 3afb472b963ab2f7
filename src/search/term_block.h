// Some neighbours of a sorted dictionary as one blob: terms, each as what it does not share with the one before it, and
// behind each its list. A check value in front tells a block that was damaged. Blocks are made small enough to be read
// whole for one term, so that a query touches a page or two for each of its terms. One thread at a time.
//
//     u32 check | { varint shared | text rest | text list } ...
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace lode::search {

// A block closes before it grows beyond this, unless one term's list alone is longer.
inline constexpr size_t kBlockBytes = 1900;

class BlockWriter {
 public:
  // A block that is whole: its first term and its bytes.
  using Done = std::function<void(std::string_view first, std::string_view block)>;
  explicit BlockWriter(Done done) : done_(std::move(done)) {}

  // Terms in ascending order, each once.
  void add(std::string_view term, std::string_view list);
  // Ends the last block.
  void finish();

 private:
  Done done_;
  std::string first_;
  std::string previous_;
  std::string block_;
};

// Reads a block from its front.
class BlockReader {
 public:
  struct Entry {
    std::string_view term;  // until the next call
    std::string_view list;
  };
  // The block is checked against its check value first: a damaged one has no entries and is not ok().
  explicit BlockReader(std::string_view block);

  std::optional<Entry> next();
  // False for a block that is damaged, or whose terms do not ascend.
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  std::string_view rest_;
  std::string term_;
  bool started_ = false;
  bool ok_ = true;
};

}  // namespace lode::search

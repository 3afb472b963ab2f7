#include "search/term_block.h"

#include <algorithm>

#include "search/blob.h"

namespace lode::search {

void BlockWriter::add(std::string_view term, std::string_view list) {
  if (!block_.empty() && block_.size() + term.size() + list.size() + 8 > kBlockBytes) finish();
  size_t shared = 0;
  if (block_.empty()) {
    first_ = term;
  } else {
    const size_t most = std::min(term.size(), previous_.size());
    while (shared < most && term[shared] == previous_[shared]) ++shared;
  }
  put_varint(block_, shared);
  put_text(block_, term.substr(shared));
  put_text(block_, list);
  previous_ = term;
}

void BlockWriter::finish() {
  if (block_.empty()) return;
  done_(first_, sealed(block_));
  block_.clear();
}

BlockReader::BlockReader(std::string_view block) {
  const auto bytes = unsealed(block);
  ok_ = bytes.has_value();
  rest_ = bytes.value_or(std::string_view());
}

std::optional<BlockReader::Entry> BlockReader::next() {
  if (!ok_ || rest_.empty()) return std::nullopt;
  BlobReader reader(rest_);
  const uint64_t shared = reader.varint();
  const std::string_view tail = reader.text();
  const std::string_view list = reader.text();
  // A term that is not greater than the one before it would end a search too early.
  // One byte mostly tells.
  const auto is_less = [](std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return !b.empty();
    return a.front() != b.front() ? static_cast<unsigned char>(a.front()) < static_cast<unsigned char>(b.front())
                                  : a < b;
  };
  const bool ascends = !started_ || (shared <= term_.size() && is_less(std::string_view(term_).substr(shared), tail));
  if (!reader.ok() || !ascends || (!started_ && shared != 0)) {
    ok_ = false;
    return std::nullopt;
  }
  term_.resize(shared);
  term_ += tail;
  started_ = true;
  rest_ = rest_.substr(rest_.size() - reader.n_left());
  return Entry{term_, list};
}

}  // namespace lode::search

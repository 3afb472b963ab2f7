#include <cmath>
#include <utility>

#include "index/lexical_source.h"

namespace lode::index {

FileTree::FileTree(const LexicalSource& source, std::vector<std::string> paths, std::vector<ContentId> contents)
    : paths_(std::move(paths)), contents_(std::move(contents)) {
  const std::span<const LexicalSource::Content> all = source.contents();
  starts_.assign(all.size() + 1, 0);
  for (const ContentId content : contents_) ++starts_[content + 1];
  for (size_t i = 0; i < all.size(); ++i) starts_[i + 1] += starts_[i];
  files_.resize(contents_.size());
  std::vector<uint32_t> next(starts_.begin(), starts_.end() - 1);
  for (FileId file = 0; file < contents_.size(); ++file) files_[next[contents_[file]]++] = file;

  for (const ContentId content : contents_) {
    log_bytes_.push_back(std::log1p(static_cast<float>(all[content].n_bytes)));
  }

  double chunk_terms = 0, file_terms = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t n_files = files_of(static_cast<ContentId>(i)).size();
    if (n_files == 0) continue;
    n_chunks_ += all[i].n_chunks;
    chunk_terms += all[i].length;
    file_terms += static_cast<double>(all[i].length) * static_cast<double>(n_files);
  }
  if (n_chunks_ > 0) average_chunk_length_ = chunk_terms / static_cast<double>(n_chunks_);
  if (!paths_.empty()) average_file_length_ = file_terms / static_cast<double>(paths_.size());
}

}  // namespace lode::index

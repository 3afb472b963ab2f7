#include "index/lexical_scores.h"

#include <array>

#include "index/bm25.h"
#include "index/document.h"

namespace lode::index {
namespace {

float saturated(double tf, double k1, double b, double length, double average) {
  return static_cast<float>(tf / (tf + k1 * (1 - b + b * length / average)));
}

// What of one term's postings is in a tree.
class TermReader {
 public:
  struct Held {
    ContentId content;
    uint32_t tf;
  };
  TermReader(LexicalSource& source, const FileTree& tree) : source_(source), tree_(tree) {}

  // False where nothing in the tree holds it.
  bool read(std::string_view term) {
    contents_.clear();
    chunks_.clear();
    size_t n_files = 0;
    for (const Posting& posting : source_.postings(term)) {
      const ContentId content = source_.chunk_contents()[posting.text];
      if (!tree_.holds(content)) continue;
      chunks_.push_back(posting);
      if (contents_.empty() || contents_.back().content != content) {
        contents_.push_back({content, 0});
        n_files += tree_.files_of(content).size();
      }
      contents_.back().tf += posting.n;
    }
    file_idf_ = static_cast<float>(inverse_document_frequency(tree_.size(), n_files));
    chunk_idf_ = static_cast<float>(inverse_document_frequency(tree_.n_chunks(), chunks_.size()));
    return !chunks_.empty();
  }
  [[nodiscard]] const std::vector<Held>& contents() const { return contents_; }
  [[nodiscard]] const std::vector<Posting>& chunks() const { return chunks_; }
  [[nodiscard]] float file_idf() const { return file_idf_; }
  [[nodiscard]] float chunk_idf() const { return chunk_idf_; }

 private:
  LexicalSource& source_;
  const FileTree& tree_;
  std::vector<Held> contents_;
  std::vector<Posting> chunks_;
  float file_idf_ = 0;
  float chunk_idf_ = 0;
};

}  // namespace

LexicalScores lexical_scores(LexicalSource& source, const FileTree& tree, std::span<const WeightedTerm> terms,
                             size_t n_queries, const LexicalOptions& options) {
  const std::span<const uint32_t> lengths = source.chunk_lengths();
  const std::span<const LexicalSource::Content> contents = source.contents();
  LexicalScores out;
  out.n_queries = n_queries;
  out.files.resize(tree.size() * n_queries);
  out.chunks.resize(lengths.size() * n_queries);
  out.hits.resize(lengths.size());
  out.defining_files.resize(out.files.size());
  out.defining_chunks.resize(out.chunks.size());
  TermReader reader(source, tree);
  for (const WeightedTerm& term : terms) {
    const float* const weights = term.weights.data();
    out.idfs.push_back(0);
    if (reader.read(term.term)) {
      out.idfs.back() = reader.chunk_idf();
      for (const TermReader::Held& here : reader.contents()) {
        const float share = reader.file_idf() * saturated(here.tf, options.file_k1, options.file_b,
                                                          contents[here.content].length, tree.average_file_length());
        for (const FileTree::FileId file : tree.files_of(here.content)) {
          for (size_t q = 0; q < n_queries; ++q) out.files[file * n_queries + q] += weights[q] * share;
        }
      }
      for (const Posting& posting : reader.chunks()) {
        const float share = reader.chunk_idf() * saturated(posting.n, options.chunk_k1, options.chunk_b,
                                                           lengths[posting.text], tree.average_chunk_length());
        float* const row = out.chunks.data() + size_t{posting.text} * n_queries;
        for (size_t q = 0; q < n_queries; ++q) row[q] += weights[q] * share;
        if (weights[0] > 0) out.hits[posting.text] += reader.chunk_idf();
      }
    }
    if (reader.read(std::string(kDefinedMark) + term.term)) {
      // How often a query has a word says little of how likely it is a name.
      const auto weight = [&](size_t q) { return weights[q] > 0 ? 1.0F : 0.0F; };
      for (const TermReader::Held& here : reader.contents()) {
        const float share = reader.file_idf() * saturated(here.tf, options.defining_k1, 0, 1, 1);
        for (const FileTree::FileId file : tree.files_of(here.content)) {
          for (size_t q = 0; q < n_queries; ++q) out.defining_files[file * n_queries + q] += weight(q) * share;
        }
      }
      for (const Posting& posting : reader.chunks()) {
        float* const row = out.defining_chunks.data() + size_t{posting.text} * n_queries;
        for (size_t q = 0; q < n_queries; ++q) row[q] += weight(q) * reader.file_idf();
      }
    }
  }
  return out;
}

}  // namespace lode::index

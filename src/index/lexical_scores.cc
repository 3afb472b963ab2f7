#include "index/lexical_scores.h"

#include <array>

#include "index/bm25.h"
#include "index/document.h"

namespace lode::index {
namespace {

// What a length adds to a term's count below the line of BM25.
class Penalty {
 public:
  Penalty(double k1, double b, double average) : k1_(k1), b_(b), average_(average) {
    for (size_t length = 0; length < kKept; ++length) kept_[length] = computed(static_cast<double>(length));
  }
  [[nodiscard]] double of(uint32_t length) const { return length < kKept ? kept_[length] : computed(length); }

 private:
  [[nodiscard]] double computed(double length) const { return k1_ * (1 - b_ + b_ * length / average_); }
  static constexpr size_t kKept = 512;  // more terms than most chunks have
  double k1_, b_, average_;
  std::array<double, kKept> kept_{};
};

float saturated(double tf, double penalty) {
  return static_cast<float>(tf / (tf + penalty));
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
    const std::span<const Posting> postings = source_.postings(term);
    const std::span<const ContentId> content_of = source_.chunk_contents();
    chunks_.resize(postings.size());
    size_t n_files = 0, n_chunks = 0;
    // Chunks of a content are neighbours.
    ContentId last = ~ContentId{0};
    bool is_held = false;
    for (const Posting& posting : postings) {
      const ContentId content = content_of[posting.text];
      if (content != last) {
        last = content;
        const size_t n = tree_.files_of(content).size();
        is_held = n > 0;
        n_files += n;
        if (is_held) contents_.push_back({content, 0});
      }
      if (!is_held) continue;
      chunks_[n_chunks++] = posting;
      contents_.back().tf += posting.n;
    }
    chunks_.resize(n_chunks);
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

// Clears what was scored, which is less to write than all.
void clear(LexicalScores& out, size_t n_files, size_t n_chunks) {
  out.files.assign(n_files, ByQuery{});
  out.defining_files.assign(n_files, ByQuery{});
  out.second.assign(n_files, 0);
  out.names.assign(n_files, 0);
  out.idfs.clear();
  out.file_idfs.clear();
  if (out.chunks.size() == n_chunks) {
    out.scored.each(0, static_cast<uint32_t>(n_chunks), [&](ChunkId chunk) {
      out.chunks[chunk] = out.defining_chunks[chunk] = ByQuery{};
      out.once[chunk] = {};
    });
  } else {
    out.chunks.assign(n_chunks, ByQuery{});
    out.defining_chunks.assign(n_chunks, ByQuery{});
    out.once.assign(n_chunks, {});
  }
  out.scored.reset(n_chunks);
}

// Of a term's occurrences, each file's share, by the term's idf: where a name lives, it stands most often.
void add_shares(const TermReader& reader, const FileTree& tree, std::vector<float>& out) {
  float n_all = 0;
  for (const TermReader::Held& here : reader.contents()) {
    n_all += static_cast<float>(here.tf) * static_cast<float>(tree.files_of(here.content).size());
  }
  for (const TermReader::Held& here : reader.contents()) {
    const float share = reader.file_idf() * static_cast<float>(here.tf) / n_all;
    for (const FileTree::FileId file : tree.files_of(here.content)) out[file] += share;
  }
}

}  // namespace

void lexical_scores(LexicalSource& source, const FileTree& tree, std::span<const WeightedTerm> terms,
                    const LexicalOptions& options, LexicalScores& out) {
  const std::span<const uint32_t> lengths = source.chunk_lengths();
  const std::span<const LexicalSource::Content> contents = source.contents();
  clear(out, tree.size(), lengths.size());
  const Penalty of_file(options.file_k1, options.file_b, tree.average_file_length());
  const Penalty of_second(options.second_k1, options.second_b, tree.average_file_length());
  const Penalty of_chunk(options.chunk_k1, options.chunk_b, tree.average_chunk_length());
  TermReader reader(source, tree);
  for (const WeightedTerm& term : terms) {
    const ByQuery weights = term.weights;
    out.idfs.push_back(0);
    out.file_idfs.push_back(0);
    if (reader.read(term.term)) {
      out.idfs.back() = reader.chunk_idf();
      out.file_idfs.back() = reader.file_idf();
      const float n_first = term.weights[0];
      for (const TermReader::Held& here : reader.contents()) {
        const uint32_t length = contents[here.content].length;
        const float share = reader.file_idf() * saturated(here.tf, of_file.of(length));
        const float second = n_first * reader.file_idf() * saturated(here.tf, of_second.of(length));
        for (const FileTree::FileId file : tree.files_of(here.content)) {
          out.files[file] += weights * share;
          out.second[file] += second;
        }
      }
      if (term.is_name) add_shares(reader, tree, out.names);
      for (const Posting& posting : reader.chunks()) {
        const float share = reader.chunk_idf() * saturated(posting.n, of_chunk.of(lengths[posting.text]));
        out.chunks[posting.text] += weights * share;
        if (n_first > 0) {
          out.once[posting.text].idf += reader.chunk_idf();
          out.once[posting.text].bm25 += share;
        }
        out.scored.add(posting.text);
      }
    }
    if (reader.read(std::string(kDefinedMark) + term.term)) {
      // How often a query has a word says little of how likely it is a name.
      const ByQuery weight = weights > 0 ? ByQuery{} + 1.0F : ByQuery{};
      for (const TermReader::Held& here : reader.contents()) {
        const float share = reader.file_idf() * saturated(here.tf, options.defining_k1);
        for (const FileTree::FileId file : tree.files_of(here.content)) out.defining_files[file] += weight * share;
      }
      for (const Posting& posting : reader.chunks()) {
        out.defining_chunks[posting.text] += weight * reader.file_idf();
        out.scored.add(posting.text);
      }
    }
  }
}

}  // namespace lode::index

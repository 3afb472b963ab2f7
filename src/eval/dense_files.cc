#include "eval/dense_files.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "eval/file_chunks.h"
#include "index/bm25.h"
#include "index/english_analyzer.h"
#include "index/lexicon.h"
#include "index/postings.h"
#include "index/query_vector.h"
#include "kernels/gemm.h"
#include "text/utf8.h"

namespace lode::eval {
namespace {

constexpr size_t kSliceTexts = 1024;  // embedded in one call

// An issue's files that are scored, and what of each is.
struct Scored {
  size_t issue = 0;
  std::vector<uint32_t> files;                // indices into its tree
  std::vector<std::vector<uint32_t>> chunks;  // of each file, indices into FileChunks::texts()
};

// Leaves of each file the n chunks that BM25 puts first for the issue, those in front where it puts them equal.
void keep_best_chunks(const std::vector<std::string>& texts, const std::vector<Issue>& issues, size_t n,
                      const index::Bm25Options& options, std::vector<Scored>& scored) {
  index::Lexicon lexicon(&index::english_terms);
  index::Postings postings;
  for (const std::string& text : texts) postings.add(lexicon.count(text));
  postings.finish();
  for (Scored& one : scored) {
    std::vector<std::vector<index::TextId>> documents;
    for (const std::vector<uint32_t>& chunks : one.chunks) {
      for (const uint32_t chunk : chunks) documents.push_back({chunk});
    }
    const index::Collection collection(postings, documents);
    const text::utf8::Repaired statement(issues[one.issue].statement);
    const std::vector<double> scores = collection.scores(lexicon.count(statement.text()), options);
    size_t first = 0;
    for (std::vector<uint32_t>& chunks : one.chunks) {
      std::vector<size_t> order(chunks.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::ranges::stable_sort(order, std::ranges::greater{}, [&](size_t i) { return scores[first + i]; });
      first += chunks.size();
      order.resize(std::min(n, order.size()));
      std::ranges::transform(order, order.begin(), [&](size_t i) { return chunks[i]; });
      chunks.assign(order.begin(), order.end());
    }
  }
}

// The texts that any issue needs; `scored` then speaks of them.
std::vector<std::string> needed_texts(const std::vector<std::string>& texts, std::vector<Scored>& scored) {
  constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  std::vector<uint32_t> place(texts.size(), kNone);
  std::vector<std::string> out;
  for (Scored& one : scored) {
    for (std::vector<uint32_t>& chunks : one.chunks) {
      for (uint32_t& chunk : chunks) {
        if (place[chunk] == kNone) {
          place[chunk] = static_cast<uint32_t>(out.size());
          out.push_back(texts[chunk]);
        }
        chunk = place[chunk];
      }
    }
  }
  return out;
}

// The mean of the greatest n.
double pooled(std::vector<float>& scores, size_t n) {
  n = std::min(n, scores.size());
  std::ranges::partial_sort(scores, scores.begin() + static_cast<ptrdiff_t>(n), std::ranges::greater{});
  return std::accumulate(scores.begin(), scores.begin() + static_cast<ptrdiff_t>(n), 0.0) / static_cast<double>(n);
}

// [n_queries, texts.size()]: the cosine of each query ([n_queries, dims]) and each text.
Result<std::vector<float>> cosines(std::span<const float> queries, const std::vector<std::string>& texts,
                                   std::string_view what, const Prompt& prompt, const Evaluation& evaluation) {
  const int64_t dims = evaluation.encoder->dims(), n_queries = std::ssize(queries) / dims;
  std::vector<float> out(static_cast<size_t>(n_queries) * texts.size());
  std::vector<float> products;
  for (const std::string& text : texts) evaluation.expect(text);
  for (size_t first = 0; first < texts.size(); first += kSliceTexts) {
    const auto slice = std::span(texts).subspan(first, std::min(kSliceTexts, texts.size() - first));
    LODE_ASSIGN(const std::vector<float> vectors, evaluation.encode(what, slice, prompt, first, texts.size()));
    const kernels::MatrixView view{.data = reinterpret_cast<const std::byte*>(vectors.data()),
                                   .dtype = kernels::DType::f32,
                                   .rows = std::ssize(slice),
                                   .columns = dims,
                                   .stride = dims};
    const int64_t stride = kernels::padded_stride(std::ssize(slice));
    products.resize(static_cast<size_t>(n_queries * stride));
    kernels::gemm(*evaluation.context, queries.data(), dims, n_queries, kernels::Weight::in_place(std::span(&view, 1)),
                  products.data(), stride);
    for (int64_t q = 0; q < n_queries; ++q) {
      std::copy_n(products.begin() + q * stride, slice.size(),
                  out.begin() + q * std::ssize(texts) + static_cast<ptrdiff_t>(first));
    }
  }
  return out;
}

class RepositoryScorer {
 public:
  RepositoryScorer(const std::vector<Issue>& issues, const Task& task, const Evaluation& evaluation)
      : issues_(issues), task_(task), evaluation_(evaluation), files_(evaluation.settings.files) {}

  Status score(const Trees& trees, const std::vector<size_t>& which, std::span<const std::vector<uint32_t>> wanted,
               std::vector<ScoredFiles>& out) const {
    std::vector<Scored> scored;
    std::vector<Trees::File> files;
    for (const size_t i : which) {
      const Trees::Tree& tree = *trees.find(issues_[i].id);
      for (const Trees::File& file : tree.files) out[i].paths.push_back(trees.paths()[file.path]);
      out[i].scores.assign(tree.files.size(), std::numeric_limits<double>::quiet_NaN());
      Scored& one = scored.emplace_back(Scored{.issue = i, .files = {}, .chunks = {}});
      if (wanted.empty()) {
        one.files.resize(tree.files.size());
        std::iota(one.files.begin(), one.files.end(), uint32_t{0});
      } else {
        one.files = wanted[i];
      }
      for (const uint32_t file : one.files) files.push_back(tree.files.at(file));
    }
    LODE_ASSIGN(const std::vector<std::string> texts, cut(trees, files, scored));

    LODE_ASSIGN(const std::vector<float> queries, queries_of(which));
    const std::string what = fmt::format("chunks of {}", issues_[which.front()].repo);
    LODE_ASSIGN(const std::vector<float> scores, cosines(queries, texts, what, document_prompt(task_), evaluation_));
    std::vector<float> of_file;
    for (size_t q = 0; q < scored.size(); ++q) {
      for (size_t f = 0; f < scored[q].files.size(); ++f) {
        of_file.clear();
        for (const uint32_t chunk : scored[q].chunks[f]) of_file.push_back(scores[q * texts.size() + chunk]);
        out[scored[q].issue].scores[scored[q].files[f]] = pooled(of_file, files_.n_pooled);
      }
    }
    return {};
  }

 private:
  // [which.size(), dims]
  Result<std::vector<float>> queries_of(const std::vector<size_t>& which) const {
    std::vector<std::string> texts;
    std::vector<size_t> n_texts;  // of each issue
    for (const size_t i : which) {
      std::vector<std::string> own = {issues_[i].statement};
      if (files_.as_searched) own = index::query_texts(index::take_apart(issues_[i].statement));
      n_texts.push_back(own.size());
      std::ranges::move(own, std::back_inserter(texts));
    }
    LODE_ASSIGN(std::vector<float> rows, evaluation_.encode("issues", texts, query_prompt(task_)));
    if (!files_.as_searched) return rows;
    const auto dims = static_cast<size_t>(evaluation_.encoder->dims());
    std::vector<float> out;
    for (std::span<const float> rest = rows; const size_t n : n_texts) {
      const std::vector<float> query = index::mean_direction(rest.first(n * dims), dims);
      out.insert(out.end(), query.begin(), query.end());
      rest = rest.subspan(n * dims);
    }
    return out;
  }

  // Fills in what of the files is embedded, and returns it.
  Result<std::vector<std::string>> cut(const Trees& trees, const std::vector<Trees::File>& files,
                                       std::vector<Scored>& scored) const {
    LODE_ASSIGN(const FileChunks chunks, files_.as_searched ? FileChunks::read_definitions(trees, files)
                                                            : FileChunks::read(trees, files, files_.chunks));
    for (auto next = files.begin(); Scored & one : scored) {
      for (size_t f = 0; f < one.files.size(); ++f) one.chunks.push_back(chunks.of(*next++));
    }
    if (files_.n_best_chunks > 0) {
      keep_best_chunks(chunks.texts(), issues_, files_.n_best_chunks, evaluation_.settings.bm25, scored);
    }
    return needed_texts(chunks.texts(), scored);
  }

  const std::vector<Issue>& issues_;
  const Task& task_;
  const Evaluation& evaluation_;
  const FileSettings& files_;
};

}  // namespace

Result<std::vector<ScoredFiles>> score_files_by_vectors(const TreeSource& source, const std::vector<Issue>& issues,
                                                        std::span<const std::vector<uint32_t>> wanted, const Task& task,
                                                        const Evaluation& evaluation) {
  LODE_CHECK(wanted.empty() || wanted.size() == issues.size());
  std::vector<ScoredFiles> out(issues.size());
  const RepositoryScorer scorer(issues, task, evaluation);
  for (const auto& [repo, which] : by_repository(issues)) {
    LODE_ASSIGN(const std::unique_ptr<Trees> trees, open_trees(source, issues, which));
    LODE_TRY(scorer.score(*trees, which, wanted, out));
  }
  return out;
}

}  // namespace lode::eval

#include "eval/bm25_files.h"

#include <memory>

#include "index/english_analyzer.h"
#include "text/utf8.h"

namespace lode::eval {
namespace {

Status score_repository(const TreeSource& source, const std::vector<Issue>& issues, const std::vector<size_t>& which,
                        const index::Bm25Options& options, std::vector<ScoredFiles>& out) {
  LODE_ASSIGN(const std::unique_ptr<Trees> trees, open_trees(source, issues, which));
  index::Lexicon lexicon(&index::english_terms);
  index::Postings postings;
  // Texts: the blobs by their numbers, then the paths by theirs.
  LODE_TRY(trees->each_blob([&](uint32_t, std::string_view bytes) {
    const text::utf8::Repaired repaired(bytes);
    postings.add(lexicon.count(repaired.text()));
  }));
  for (const std::string& path : trees->paths()) {
    const text::utf8::Repaired repaired(path);
    postings.add(lexicon.count(repaired.text()));
  }
  postings.finish();

  const auto n_blobs = static_cast<index::TextId>(trees->n_blobs());
  for (const size_t i : which) {
    const Trees::Tree& tree = *trees->find(issues[i].id);
    std::vector<std::vector<index::TextId>> documents;
    documents.reserve(tree.files.size());
    for (const Trees::File& file : tree.files) {
      documents.push_back({file.blob, n_blobs + file.path});
      out[i].paths.push_back(trees->paths()[file.path]);
    }
    const index::Collection collection(postings, documents);
    const text::utf8::Repaired statement(issues[i].statement);
    out[i].scores = collection.scores(lexicon.count(statement.text()), options);
  }
  return {};
}

}  // namespace

Result<std::vector<ScoredFiles>> score_files_by_bm25(const TreeSource& source, const std::vector<Issue>& issues,
                                                     const index::Bm25Options& bm25, const RepositoryOptions& options) {
  std::vector<ScoredFiles> out(issues.size());
  LODE_TRY(each_repository(source, issues, options, [&](const std::vector<size_t>& which) {
    return score_repository(source, issues, which, bm25, out);
  }));
  return out;
}

}  // namespace lode::eval

#include "eval/lexical_files.h"

#include <memory>
#include <mutex>
#include <utility>

#include "index/lexical_corpus.h"
#include "index/linear_ranker.h"

namespace lode::eval {
namespace {

Status read_repository(const TreeSource& source, const std::vector<Issue>& issues, const std::vector<size_t>& which,
                       std::mutex& mutex, const OnFeatures& visit) {
  LODE_ASSIGN(const std::unique_ptr<Trees> trees, open_trees(source, issues, which));
  std::vector<uint32_t> path_of(trees->n_blobs());
  for (const Trees::Tree& tree : trees->trees()) {
    for (const Trees::File& file : tree.files) path_of[file.blob] = file.path;
  }
  index::LexicalCorpus corpus;
  LODE_TRY(trees->each_blob(
      [&](uint32_t blob, std::string_view bytes) { corpus.add(trees->paths()[path_of[blob]], bytes); }));
  corpus.finish();
  for (const size_t i : which) {
    std::vector<std::string> paths;
    std::vector<index::ContentId> contents;
    for (const Trees::File& file : trees->find(issues[i].id)->files) {
      paths.push_back(trees->paths()[file.path]);
      contents.push_back(file.blob);
    }
    const index::FileTree tree(corpus, paths, std::move(contents));
    const index::PathIndex path_index(tree);
    const index::FileFeatures features =
        index::lexical_features(corpus, tree, path_index, index::take_apart(issues[i].statement));
    const std::lock_guard lock(mutex);
    visit(i, paths, features);
  }
  return {};
}

}  // namespace

Status each_features(const TreeSource& source, const std::vector<Issue>& issues, const RepositoryOptions& options,
                     const OnFeatures& visit) {
  std::mutex mutex;
  return each_repository(source, issues, options, [&](const std::vector<size_t>& which) {
    return read_repository(source, issues, which, mutex, visit);
  });
}

Result<std::vector<ScoredFiles>> score_files_lexically(const TreeSource& source, const std::vector<Issue>& issues,
                                                       const RepositoryOptions& options) {
  std::vector<ScoredFiles> out(issues.size());
  LODE_TRY(each_features(source, issues, options,
                         [&](size_t i, const std::vector<std::string>& paths, const index::FileFeatures& features) {
                           out[i] = {.paths = paths, .scores = index::LinearRanker::built_in().scores(features.values)};
                         }));
  return out;
}

}  // namespace lode::eval

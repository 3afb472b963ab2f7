#include "apps/search_model.h"

#include <algorithm>
#include <stop_token>
#include <utility>
#include <vector>

#include "search/index_reader.h"
#include "search/vector_graph.h"
#include "search/vector_scan.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

const eval::Prompt kOfChunks{.side = embed::InputType::passage, .task = {}};
const eval::Prompt kOfQueries{.side = embed::InputType::query, .task = {}};

}  // namespace

Result<std::unique_ptr<SearchModel>> SearchModel::open(const SubjectOptions& options, const Globals& globals,
                                                       const fs::path& index) {
  Globals quiet = globals;
  quiet.quiet = true;
  LODE_ASSIGN(EvalSubject subject, EvalSubject::open(options, quiet));
  if (subject.encoder() == nullptr) {
    return fail(Code::invalid_argument, "vectors need a model, and there is none", "Name one with --model.");
  }
  return std::unique_ptr<SearchModel>(new SearchModel(std::move(subject), index));
}

Result<search::VectorReport> SearchModel::fill(const search::RootName& root,
                                               const std::function<void(size_t, size_t)>& progress) {
  eval::Encoder& encoder = *subject_.encoder();
  LODE_ASSIGN(auto reader, search::IndexReader::open(index_, root));
  LODE_ASSIGN(search::VectorFile file, vectors());
  search::VectorFilling filling;
  filling.encode = [&](std::span<const std::string> texts) {
    return encoder.encode(texts, kOfChunks, [](size_t, size_t) { return !interrupted(); });
  };
  LODE_ASSIGN(filling.prompt, encoder.applied(kOfChunks));
  filling.stopped = [] { return interrupted(); };
  filling.progress = progress;
  LODE_ASSIGN(search::VectorReport report, search::fill_vectors(*reader, file, filling));
  LODE_TRY(search::drop_lost_vectors(index_, file));
  return report;
}

Result<search::VectorFile> SearchModel::vectors() const {
  return search::VectorFile::open(index_, subject_.identity(), subject_.encoder()->dims());
}

Result<std::vector<float>> SearchModel::exact(std::span<const std::string> texts) {
  return subject_.encoder()->encode(texts, kOfChunks, [](size_t, size_t) { return !interrupted(); });
}

Status SearchModel::update_graph(size_t n_chunks, int n_threads, const std::function<void(size_t, size_t)>& progress) {
  if (n_chunks <= search::GraphLimits{}.most_scanned) return {};
  search::GraphBuilding building;
  building.n_threads = n_threads;
  building.stopped = [] { return interrupted(); };
  building.progress = progress;
  LODE_TRY(search::update_vector_graph(index_, subject_.identity(), subject_.encoder()->dims(), building));
  return {};
}

Status SearchModel::attach(search::Searcher& searcher) {
  eval::Encoder& encoder = *subject_.encoder();
  LODE_ASSIGN(search::VectorFile opened, vectors());
  auto file = std::make_shared<search::VectorFile>(std::move(opened));
  if (file->n_blocks() == 0) return {};
  const bool is_large = searcher.reader().n_chunks() > search::GraphLimits{}.most_scanned;
  auto graph = is_large ? search::VectorGraph::open(index_, subject_.identity(), file) : nullptr;
  LODE_ASSIGN(search::VectorScan scan,
              search::VectorScan::open(searcher.reader(), std::move(file), subject_.cache(), std::move(graph)));
  searcher.use_vectors(std::move(scan), [&encoder](const std::string& query, const std::stop_token&) {
    return encoder.encode(std::span(&query, 1), kOfQueries, [](size_t, size_t) { return true; });
  });
  return {};
}

}  // namespace lode::apps

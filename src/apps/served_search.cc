#include "apps/served_search.h"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "apps/eval_subject.h"
#include "base/log.h"
#include "base/parallel.h"
#include "search/library.h"
#include "search/vector_file.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

// Null without models.
Result<search::VectorModel*> model_of(const fs::path& index,
                                      const std::vector<std::unique_ptr<QueuedVectors>>& models) {
  for (const auto& model : models) {
    LODE_ASSIGN(const search::VectorModelCard* card, model->card());
    std::error_code error;
    if (fs::exists(search::VectorFile::path_in(index, card->identity), error)) return model.get();
  }
  return models.empty() ? nullptr : models.front().get();
}

}  // namespace

Result<std::unique_ptr<ServedSearch>> ServedSearch::open(std::vector<IndexPlace> places,
                                                         const std::vector<SearchingModel>& models,
                                                         embed::Engine& engine, const ServeOptions& options,
                                                         const Globals& globals) {
  auto out = std::unique_ptr<ServedSearch>(new ServedSearch);
  fs::path cache;
  if (!options.no_vectors && !options.no_cache) {
    LODE_ASSIGN(cache, vector_cache_folder(options.cache));
  }
  for (const SearchingModel& model : models) {
    if (options.no_vectors) break;
    embed::Queue& chunks = engine.add(model.name, *model.embedder, chunk_queue_options(model.queue->options()));
    LODE_ASSIGN(auto vectors, QueuedVectors::open({.name = model.name,
                                                   .folder = model.folder,
                                                   .embedder = model.embedder,
                                                   .queries = model.queue,
                                                   .chunks = &chunks},
                                                  cache, globals.quiet));
    out->vectors_.push_back(std::move(vectors));
  }
  // Nobody waits for an index that is followed.
  auto library = std::make_unique<search::Library>(std::chrono::milliseconds(0));
  for (IndexPlace& place : places) {
    search::LiveIndexOptions one{.index = std::move(place.index), .root = std::move(place.root)};
    one.n_threads = globals.threads > 0 ? globals.threads : available_cores();
    one.watch = true;
    LODE_ASSIGN(one.vectors, model_of(one.index, out->vectors_));
    one.fill_vectors = one.vectors != nullptr;
    library->add(std::make_unique<search::LiveIndex>(std::move(one)));
  }
  out->service_ = std::make_unique<server::SearchService>(std::move(library), LODE_VERSION);
  return out;
}

void ServedSearch::publish(const ServeOptions& options, uint16_t port) {
  const auto host = local_host(options.host);
  if (!host || !options.tls_cert.empty()) return;
  const auto cache = options.no_cache ? fs::path() : vector_cache_folder(options.cache).value_or(fs::path());
  const search::Library& library = service_->library();
  for (size_t i = 0; i < library.size(); ++i) {
    const search::LiveIndexOptions& one = library.at(i).options();
    ServedNote note{.host = *host,
                    .port = port,
                    .version = LODE_VERSION,
                    .folder = one.root.folder,
                    .name = library.name(i),
                    .is_among_several = library.size() > 1,
                    .vectors = ""};
    const auto model = std::ranges::find_if(vectors_, [&](const auto& its) { return its.get() == one.vectors; });
    // The commands have no such limit.
    if (model != vectors_.end() && options.max_length == 0) {
      note.vectors = vectors_key((*model)->folder(), options.dtype, cache);
    }
    auto written = PublishedNote::write(one.index, note);
    if (written) {
      notes_.push_back(*std::move(written));
    } else {
      log::warn("lode search does not find this server: {}", written.error().line());
    }
  }
}

void ServedSearch::stop() {
  notes_.clear();
  service_->library().stop();
}

}  // namespace lode::apps

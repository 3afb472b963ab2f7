// What `lode serve --index` adds to a server: its folders' indexes, each followed and with the vectors of a served
// model, and the service that searches them. Main thread; what it holds is used by the server's threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/command.h"
#include "apps/index_store.h"
#include "apps/queued_vectors.h"
#include "apps/serve_options.h"
#include "apps/served_note.h"
#include "base/error.h"
#include "embed/embedder.h"
#include "embed/engine.h"
#include "server/search_service.h"

namespace lode::apps {

struct SearchingModel {
  std::string name;
  std::filesystem::path folder;  // the model's
  embed::Embedder* embedder = nullptr;
  embed::Queue* queue = nullptr;  // of requests
};

class ServedSearch {
 public:
  // An index gets the vectors of the first model of which it has some, of none: of the first model. Errors: those of
  // reading the models.
  static Result<std::unique_ptr<ServedSearch>> open(std::vector<IndexPlace> places,
                                                    const std::vector<SearchingModel>& models, embed::Engine& engine,
                                                    const ServeOptions& options, const Globals& globals);

  [[nodiscard]] server::SearchService& service() { return *service_; }

  // From now on the commands of this user find this server, where it is reached by this machine's own address and plain
  // HTTP.
  void publish(const ServeOptions& options, uint16_t port);
  // The commands do not find it, and nothing is brought up to date any more; searches go on.
  void stop();

 private:
  ServedSearch() = default;

  std::vector<std::unique_ptr<QueuedVectors>> vectors_;  // by model; none with --no-vectors
  std::vector<PublishedNote> notes_;
  std::unique_ptr<server::SearchService> service_;  // goes first: its threads use the vectors
};

}  // namespace lode::apps

// A folder's index that follows the folder while others search it. One thread of its own brings it up to date: at the
// start (made where it is missing), when somebody asks for a state that is younger than the last look, and when the
// watch over the folder reports a change; whoever searches meanwhile gets what there is. Searchers are opened as they
// are needed, kept, and opened anew once the index changed, whoever changed it. While another process writes the index,
// its work is waited for; where nothing may be written, what is there is served. With a model, searchers have the
// vectors that there are, and a second thread (vector_follower.h) makes what lacks, if it is to. All of it from any
// thread.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/error.h"
#include "search/folder_tree.h"
#include "search/folder_watch.h"
#include "search/index_writer.h"
#include "search/indexer.h"
#include "search/searcher.h"
#include "search/text_grams.h"
#include "search/vector_file.h"
#include "search/vector_follower.h"
#include "search/vector_graph.h"
#include "search/vector_model.h"

namespace lode::search {

struct LiveIndexOptions {
  std::filesystem::path index;
  RootName root;
  int n_threads = 1;  // that read and analyse
  size_t max_file_bytes = IndexingOptions{}.max_file_bytes;
  std::chrono::milliseconds max_age{2000};  // refresh() looks again at what was looked at longer ago
  // Changes are followed by themselves, by inotify; then refresh() has nothing to do. Where folders are not watched,
  // the whole is looked at by the clock. A folder that is gone is an error of the state until one is there again;
  // what was indexed stays.
  bool watch = false;
  VectorModel* vectors = nullptr;  // null: terms alone; outlives the index
  bool fill_vectors = false;       // that lack
  GraphLimits graph_limits{};
};

class LiveIndex {
 public:
  struct State {
    bool is_indexing = false;
    size_t n_done = 0;  // files of the run that goes on, of n_files, or of the last one: all, if it ended well
    size_t n_files = 0;
    // When a run ended well last, since 1970; 0: none did.
    int64_t updated_s = 0;
    std::optional<Error> error;  // why the last run failed, if it did
    // Chunks that have a vector, as far as is known; none without a model, or as long as it was not needed.
    std::optional<size_t> n_vectors{};
    bool is_filling = false;  // vectors are being made
    std::optional<Error> vectors_error{};
  };

  // A searcher that is the holder's alone until this goes. It does not outlive the index.
  class Lease {
   public:
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) noexcept = default;
    ~Lease();
    [[nodiscard]] Searcher& operator*() const { return *searcher_; }
    [[nodiscard]] Searcher* operator->() const { return searcher_.get(); }

   private:
    friend class LiveIndex;
    Lease(LiveIndex& owner, std::unique_ptr<Searcher> searcher, uint64_t version)
        : owner_(&owner), searcher_(std::move(searcher)), version_(version) {}
    LiveIndex* owner_;
    std::unique_ptr<Searcher> searcher_;  // null in what was moved from
    uint64_t version_;
    uint64_t vectors_version_ = 0;
  };

  // The first run begins at once.
  explicit LiveIndex(LiveIndexOptions options);
  ~LiveIndex();  // stops a run; what it committed stays
  LiveIndex(const LiveIndex&) = delete;
  LiveIndex& operator=(const LiveIndex&) = delete;

  // Has the folder looked at if the last look is older than max_age, and waits so long for the run that goes on.
  void refresh(std::chrono::milliseconds patience);
  // Has it looked at, however young the last look is.
  void ask();

  // Ends the runs for good, without waiting; searches go on.
  void stop();

  // Errors: those of Searcher::open; not_found as long as nothing was committed. Vectors it has from the last
  // need_vectors(), or none.
  Result<Lease> searcher();
  // Has the model loaded, if the index has any vectors, and gives the searcher its own. Errors: those of the model and
  // of vector_file.h.
  Status need_vectors(Lease& lease);

  [[nodiscard]] State state() const;
  [[nodiscard]] const LiveIndexOptions& options() const { return options_; }

 private:
  using Clock = std::chrono::steady_clock;
  // By what a change of a file is seen.
  struct OneStamp {
    int64_t mtime_ns = 0;
    int64_t size = 0;
    uint64_t inode = 0;
    friend bool operator==(const OneStamp&, const OneStamp&) = default;
  };
  using FileStamp = std::array<OneStamp, 2>;  // of the database and its log, say
  struct Idle {
    std::unique_ptr<Searcher> searcher;
    uint64_t vectors_version = 0;
  };

  void run(const std::stop_token& stop);
  [[nodiscard]] std::chrono::seconds next_look() const;
  Result<IndexingReport> update(const std::stop_token& stop);
  // The folder as it is now, from here on with all that is in it watched.
  Result<std::unique_ptr<FolderTree>> open_tree();
  [[nodiscard]] FileStamp file_stamp() const;
  void give_back(Lease& lease);
  // The file of vectors and its graph as they are now, or were a moment ago while they are being filled, and which
  // state that is.
  struct Vectors {
    std::shared_ptr<const VectorFile> file;
    std::shared_ptr<const VectorGraph> graph;  // null: none is needed, or there
    uint64_t version = 0;                      // 0: not looked at
  };
  Result<Vectors> look_at_vectors(const VectorModelCard& card);
  static OneStamp stamp_of(const std::filesystem::path& path);

  const LiveIndexOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  State state_;
  bool is_wanted_ = true;
  Clock::time_point begun_;  // of the last run
  std::vector<Idle> idle_;
  FileStamp stamp_;
  uint64_t version_ = 0;  // counts the states that searchers were opened at
  const std::shared_ptr<KnownGrams> grams_ = std::make_shared<KnownGrams>();
  std::unique_ptr<FolderWatch> watch_;  // of the thread alone

  std::mutex vectors_mutex_;  // of the next three
  Vectors vectors_;
  FileStamp vectors_stamp_;  // of the file and the graph
  Clock::time_point vectors_read_;
  std::optional<size_t> n_vectors_;  // of the last scan that was opened; guarded by mutex_

  std::unique_ptr<VectorFollower> follower_;  // null: vectors are not filled
  std::jthread thread_;                       // last: ends before the rest goes
};

}  // namespace lode::search

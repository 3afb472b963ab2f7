// A folder's index that follows the folder while others search it. One thread of its own brings it up to date: at the
// start (made where it is missing), when somebody asks for a state that is younger than the last look, and when the
// watch over the folder reports a change; whoever searches meanwhile gets what there is. Searchers are opened as they
// are needed, kept, and opened anew once the index changed, whoever changed it. While another process writes the index,
// its work is waited for; where nothing may be written, what is there is served. All of it from any thread.
#pragma once

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
#include "search/folder_watch.h"
#include "search/index_writer.h"
#include "search/indexer.h"
#include "search/searcher.h"

namespace lode::search {

struct LiveIndexOptions {
  std::filesystem::path index;
  RootName root;
  int n_threads = 1;  // that read and analyse
  size_t max_file_bytes = IndexingOptions{}.max_file_bytes;
  std::chrono::milliseconds max_age{2000};  // refresh() looks again at what was looked at longer ago
  // Changes are followed by themselves, by inotify; then refresh() has nothing to do. Where folders are not watched,
  // the whole is looked at by the clock.
  bool watch = false;
};

class LiveIndex {
 public:
  struct State {
    bool is_indexing = false;
    size_t n_done = 0;  // files of the run that goes on, of n_files
    size_t n_files = 0;
    // When a run ended well last, since 1970; 0: none did.
    int64_t updated_s = 0;
    std::optional<Error> error;  // why the last run failed, if it did
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

  // Errors: those of Searcher::open; not_found as long as nothing was committed.
  Result<Lease> searcher();

  [[nodiscard]] State state() const;
  [[nodiscard]] const LiveIndexOptions& options() const { return options_; }

 private:
  using Clock = std::chrono::steady_clock;
  // By what a change of the index's files is seen.
  struct FileStamp {
    int64_t mtime_ns[2] = {};
    int64_t size[2] = {};
    uint64_t inode[2] = {};
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
  };

  void run(const std::stop_token& stop);
  [[nodiscard]] std::chrono::seconds next_look() const;
  Result<IndexingReport> update(const std::stop_token& stop);
  [[nodiscard]] FileStamp file_stamp() const;
  void give_back(std::unique_ptr<Searcher> searcher, uint64_t version);

  const LiveIndexOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  State state_;
  bool is_wanted_ = true;
  Clock::time_point begun_;  // of the last run
  std::vector<std::unique_ptr<Searcher>> idle_;
  FileStamp stamp_;
  uint64_t version_ = 0;                // counts the states that searchers were opened at
  std::unique_ptr<FolderWatch> watch_;  // of the thread alone
  std::jthread thread_;                 // last: ends before the rest goes
};

}  // namespace lode::search

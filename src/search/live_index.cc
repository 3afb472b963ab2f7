#include "search/live_index.h"

#include <algorithm>
#include <string>
#include <utility>

#include <sys/stat.h>

#include "base/parallel.h"
#include "search/index_file.h"

namespace lode::search {
namespace {

constexpr size_t kMostIdle = 8;
// Of files that become searchable together: what waits for the first ones waits for less.
constexpr size_t kBatchBytes = size_t{8} << 20;
// After another process had the index, or a run failed.
constexpr std::chrono::milliseconds kTryAgain{1000};
// For the moment in which vectors are appended.
constexpr std::chrono::milliseconds kPatience{500};
constexpr std::chrono::seconds kVectorsMayBeOld{3};
constexpr std::chrono::seconds kLongestRest{3};
constexpr std::chrono::seconds kLookWhenWatched{300};
constexpr std::chrono::seconds kLookWhenNot{60};
// Folders that appear all the time are not waited for.
constexpr int kMostWalks = 3;

int64_t seconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

LiveIndex::Lease::~Lease() {
  if (searcher_ != nullptr) owner_->give_back(*this);
}

LiveIndex::LiveIndex(LiveIndexOptions options) : options_(std::move(options)) {
  if (options_.vectors != nullptr && options_.fill_vectors) {
    follower_ =
        std::make_unique<VectorFollower>(options_.index, options_.root, *options_.vectors, options_.graph_limits);
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

LiveIndex::~LiveIndex() = default;

void LiveIndex::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    if (options_.watch) {
      changed_.wait_for(lock, stop, next_look(), [this] { return is_wanted_; });
      if (stop.stop_requested()) return;
    } else if (!changed_.wait(lock, stop, [this] { return is_wanted_; })) {
      return;
    }
    is_wanted_ = false;
    state_.is_indexing = true;
    state_.n_done = state_.n_files = 0;
    begun_ = Clock::now();
    lock.unlock();
    auto report = update(stop);
    lock.lock();
    state_.is_indexing = false;
    const bool changed = !report || report->n_changed > 0 || report->n_removed > 0;
    // A reader that stays open keeps the log of writes from being taken up.
    if (changed) idle_.clear();
    if (report) {
      state_.error.reset();
      state_.updated_s = seconds_now();
    } else if (!stop.stop_requested()) {
      state_.error = std::move(report).error();
      if (state_.error->code == Code::unavailable) {
        state_.error.reset();  // somebody else brings it up to date
        is_wanted_ = true;
        state_.is_indexing = true;
      }
    }
    changed_.notify_all();
    // Also where nothing changed: another process may have left it without.
    if (follower_ && !is_wanted_) follower_->ask();
    // A folder that is written all the time is not read all the time.
    const auto took = Clock::now() - begun_;
    if (is_wanted_ && !report) changed_.wait_for(lock, stop, kTryAgain, [] { return false; });
    if (options_.watch)
      changed_.wait_for(lock, stop, std::min<Clock::duration>(took * 4, kLongestRest), [] { return false; });
  }
}

// What the watch does not see is looked for, and what failed is tried again.
std::chrono::seconds LiveIndex::next_look() const {
  return watch_ && watch_->is_whole() && !state_.error ? kLookWhenWatched : kLookWhenNot;
}

Result<std::unique_ptr<FolderTree>> LiveIndex::open_tree() {
  for (int n_walks = 1;; ++n_walks) {
    auto tree = FolderTree::open(options_.root.folder, options_.index);
    if (!watch_) return tree;
    if (!tree) {
      watch_->follow({});  // what was there may live on under another path
      return tree;
    }
    // What came into a folder between the walk and the watch over it was told by nobody.
    if (!watch_->follow((*tree)->folders())) return tree;
    if (n_walks == kMostWalks) {
      ask();
      return tree;
    }
  }
}

Result<IndexingReport> LiveIndex::update(const std::stop_token& stop) {
  if (options_.watch && !watch_) {
    // Before the first look: what changes from here on is heard of.
    auto watch = FolderWatch::start(options_.root.folder, [this] { ask(); });
    if (watch) watch_ = *std::move(watch);
  }
  LODE_ASSIGN(const auto writer,
              IndexWriter::open(options_.index, {.patience = follower_ ? kPatience : kPatience * 0}));
  LODE_ASSIGN(const auto tree, open_tree());
  ThreadPool pool(std::max(1, options_.n_threads));
  IndexingOptions indexing;
  indexing.max_file_bytes = options_.max_file_bytes;
  indexing.batch_bytes = kBatchBytes;
  indexing.stopped = [&stop] { return stop.stop_requested(); };
  indexing.progress = [this](size_t n_done, size_t n_files) {
    const std::scoped_lock lock(mutex_);
    state_.n_done = n_done;
    state_.n_files = n_files;
  };
  indexing.progress(0, tree->files().size());
  return update_index(*writer, *tree, options_.root, "", pool, indexing);
}

void LiveIndex::ask() {
  const std::scoped_lock lock(mutex_);
  is_wanted_ = true;
  changed_.notify_all();
}

void LiveIndex::refresh(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  if (!options_.watch && !state_.is_indexing && Clock::now() - begun_ > options_.max_age) {
    is_wanted_ = true;
    changed_.notify_all();
  }
  changed_.wait_for(lock, patience, [this] { return !is_wanted_ && !state_.is_indexing; });
}

LiveIndex::OneStamp LiveIndex::stamp_of(const std::filesystem::path& path) {
  struct stat status{};
  // A reader too makes the log where there is none: an empty one says nothing.
  if (::stat(path.c_str(), &status) != 0 || status.st_size == 0) return {};
  return {.mtime_ns = int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
          .size = status.st_size,
          .inode = status.st_ino};
}

LiveIndex::FileStamp LiveIndex::file_stamp() const {
  const std::filesystem::path path = index_file(options_.index);
  std::filesystem::path log = path;
  log += "-wal";
  return {stamp_of(path), stamp_of(log)};
}

Result<LiveIndex::Lease> LiveIndex::searcher() {
  const FileStamp stamp = file_stamp();
  uint64_t version = 0;
  {
    std::vector<Idle> stale;  // closed without the lock
    const std::scoped_lock lock(mutex_);
    if (stamp != stamp_) {
      stamp_ = stamp;
      ++version_;
      stale.swap(idle_);
    }
    version = version_;
    if (!idle_.empty()) {
      Idle idle = std::move(idle_.back());
      idle_.pop_back();
      Lease lease(*this, std::move(idle.searcher), version);
      lease.vectors_version_ = idle.vectors_version;
      return lease;
    }
  }
  LODE_ASSIGN(auto searcher, Searcher::open(options_.index, options_.root));
  searcher->share_grams(grams_);
  return Lease(*this, std::move(searcher), version);
}

void LiveIndex::give_back(Lease& lease) {
  const std::scoped_lock lock(mutex_);
  if (lease.version_ == version_ && idle_.size() < kMostIdle) {
    idle_.push_back({.searcher = std::move(lease.searcher_), .vectors_version = lease.vectors_version_});
  }
}

Result<LiveIndex::Vectors> LiveIndex::look_at_vectors(const VectorModelCard& card) {
  const std::scoped_lock lock(vectors_mutex_);
  const FileStamp stamp{stamp_of(VectorFile::path_in(options_.index, card.identity)),
                        stamp_of(VectorGraph::path_in(options_.index, card.identity))};
  const bool is_filling = follower_ && follower_->state().is_filling;
  const bool is_young = vectors_.version > 0 && is_filling && Clock::now() - vectors_read_ < kVectorsMayBeOld;
  if (vectors_.version == 0 || (stamp != vectors_stamp_ && !is_young)) {
    LODE_ASSIGN(VectorFile opened, VectorFile::open(options_.index, card.identity, card.n_dims));
    // Without, those of others are not known by their floats.
    if (KeptVectors* const kept = options_.vectors->kept()) (void)kept->refresh();
    vectors_.file = std::make_shared<VectorFile>(std::move(opened));
    const bool is_large = vectors_.file->n_numbers() > options_.graph_limits.most_scanned;
    vectors_.graph = is_large ? VectorGraph::open(options_.index, card.identity, vectors_.file) : nullptr;
    ++vectors_.version;
    vectors_stamp_ = stamp;
    vectors_read_ = Clock::now();
  }
  return vectors_;
}

Status LiveIndex::need_vectors(Lease& lease) {
  VectorModel* const model = options_.vectors;
  if (model == nullptr || (!model->is_loaded() && !VectorFile::any_in(options_.index))) return {};
  LODE_ASSIGN(const VectorModelCard* card, model->card());
  LODE_ASSIGN(const Vectors vectors, look_at_vectors(*card));
  if (lease.vectors_version_ == vectors.version) return {};
  VectorScan::ReadExact exact;
  if (KeptVectors* const kept = model->kept()) {
    exact = [kept](const index::VectorKey& key, std::span<float> row) { return kept->read(key, row); };
  }
  LODE_ASSIGN(VectorScan scan,
              VectorScan::open(lease->reader(), vectors.file, std::move(exact), vectors.graph, options_.graph_limits));
  {
    const std::scoped_lock lock(mutex_);
    n_vectors_ = scan.n_vectors();
  }
  lease->use_vectors(std::move(scan), [model](const std::string& query, const std::stop_token& gone) {
    return model->encode_query(query, gone);
  });
  lease.vectors_version_ = vectors.version;
  return {};
}

void LiveIndex::stop() {
  thread_.request_stop();
  if (follower_) follower_->stop();
}

LiveIndex::State LiveIndex::state() const {
  const std::scoped_lock lock(mutex_);
  State out = state_;
  out.is_indexing = out.is_indexing || is_wanted_;
  out.n_vectors = n_vectors_;
  if (follower_) {
    const VectorFollower::State vectors = follower_->state();
    out.is_filling = vectors.is_filling;
    out.vectors_error = vectors.error;
    out.n_vectors = vectors.n_chunks > 0 ? vectors.n_vectors : n_vectors_.value_or(0);
  }
  return out;
}

}  // namespace lode::search

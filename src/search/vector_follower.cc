#include "search/vector_follower.h"

#include <chrono>
#include <utility>

#include "search/index_reader.h"
#include "search/vector_file.h"
#include "search/vector_filler.h"
#include "search/writer_lock.h"

namespace lode::search {
namespace {

constexpr size_t kBatchChunks = 32;
// For the lock; who has it for longer makes vectors too, mostly.
constexpr std::chrono::milliseconds kPatience{2000};
constexpr std::chrono::seconds kTryAgain{2};
// What is replaced or lost is looked for after so many new vectors.
constexpr size_t kCompactAfter = 1000;
// Rows that a graph gets, at the least, before what changed meanwhile is looked at.
constexpr size_t kGraphRound = 20'000;

}  // namespace

VectorFollower::VectorFollower(std::filesystem::path index, RootName root, VectorModel& model,
                               const GraphLimits& limits)
    : index_(std::move(index)), root_(std::move(root)), model_(model), limits_(limits) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

VectorFollower::~VectorFollower() = default;

void VectorFollower::ask() {
  const std::scoped_lock lock(mutex_);
  is_asked_ = true;
  changed_.notify_all();
}

bool VectorFollower::is_asked() const {
  const std::scoped_lock lock(mutex_);
  return is_asked_;
}

VectorFollower::State VectorFollower::state() const {
  const std::scoped_lock lock(mutex_);
  State out = state_;
  out.is_filling = out.is_filling || is_asked_;
  return out;
}

void VectorFollower::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return is_asked_; })) {
    is_asked_ = false;
    state_.is_filling = true;
    lock.unlock();
    Status filled = fill(stop);
    lock.lock();
    state_.is_filling = false;
    state_.error.reset();
    if (filled || stop.stop_requested() || filled.error().code == Code::cancelled) continue;
    if (filled.error().code == Code::unavailable) {  // another writer
      state_.is_filling = true;
      changed_.wait_for(lock, stop, kTryAgain, [] { return false; });
      is_asked_ = true;
    } else if (filled.error().code != Code::not_found) {  // an index that is not there yet is no error
      state_.error = std::move(filled).error();
    }
  }
}

Status VectorFollower::fill(const std::stop_token& stop) {
  LODE_ASSIGN(const VectorModelCard* card, model_.card());
  LODE_ASSIGN(auto reader, IndexReader::open(index_, root_));
  LODE_ASSIGN(VectorFile file, VectorFile::open(index_, card->identity, card->n_dims));
  const auto locked = [&](const std::function<Status()>& write) -> Status {
    LODE_ASSIGN(const auto lock, WriterLock::take(index_, kPatience));
    LODE_TRY(file.refresh());
    return write();
  };
  VectorFilling filling;
  filling.encode = [&](std::span<const std::string> texts) { return model_.encode_chunks(texts, stop); };
  filling.prompt = card->chunk_prompt;
  // An index that changed is looked at anew: what was current may not be wanted any more.
  filling.stopped = [&] { return stop.stop_requested() || is_asked(); };
  filling.locked = locked;
  filling.progress = [this](size_t n_done, size_t n_chunks) {
    const std::scoped_lock lock(mutex_);
    n_since_compacted_ += n_done > state_.n_vectors ? n_done - state_.n_vectors : 0;
    state_.n_vectors = n_done;
    state_.n_chunks = n_chunks;
  };
  filling.batch_chunks = kBatchChunks;
  LODE_ASSIGN(const VectorReport report, fill_vectors(*reader, file, filling));
  reader.reset();
  if (n_since_compacted_ >= kCompactAfter) {
    n_since_compacted_ = 0;
    LODE_TRY(locked([&] { return drop_lost_vectors(index_, file); }));
  }
  return report.n_chunks > limits_.most_scanned ? extend_graph(*card, stop) : Status();
}

Status VectorFollower::extend_graph(const VectorModelCard& card, const std::stop_token& stop) {
  std::optional<size_t> first;
  size_t n_of_round = 0;
  GraphBuilding building{.most_behind = limits_.most_behind};
  building.progress = [&](size_t n_done, size_t) { n_of_round = n_done - *(first ? first : first = n_done); };
  building.stopped = [&] { return stop.stop_requested() || (is_asked() && n_of_round >= kGraphRound); };
  building.locked = [&](const std::function<Status()>& write) -> Status {
    // Whoever has it for long: what took minutes to make is not thrown away.
    Result<WriterLock> lock = WriterLock::take(index_, kPatience);
    while (!lock && lock.error().code == Code::unavailable && !stop.stop_requested()) {
      lock = WriterLock::take(index_, kPatience);
    }
    return lock ? write() : std::unexpected(std::move(lock).error());
  };
  LODE_TRY(update_vector_graph(index_, card.identity, card.n_dims, building));
  return {};
}

}  // namespace lode::search

// The requests that wait in front of one model, in two orders: by age and by how few tokens they still need. Counts and
// chooses, nothing else: it has no lock, no thread and no clock, and calls nobody. Guarded by the engine's mutex.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "embed/queue.h"

namespace lode::embed {

// One request from submission to its answer.
struct Request {
  std::vector<TokenSequence> sequences;
  std::vector<float> vectors;  // [n, dims], from the first pass on
  Queue::Done done;            // taken by whoever answers
  size_t n_taken = 0;          // sequences handed to the engine
  size_t n_finished = 0;       // rows that are there
  int64_t n_tokens_left = 0;   // of the sequences not taken yet
  bool ended = false;          // answered, with vectors or with an error
  std::chrono::steady_clock::time_point submitted{};
  Timing timing;
  std::optional<std::stop_callback<std::function<void()>>> on_gone;
  uint64_t age = 0;  // order of submission; set by the list
};

// A sequence of a pass: whose, and which.
struct Slot {
  std::shared_ptr<Request> request;
  size_t index = 0;
};

class WaitingList {
 public:
  void push(std::shared_ptr<Request> request);
  // Takes the request out, its untaken sequences with it. False when it is not waiting (any more).
  bool remove(const Request& request);

  // Takes sequences of together at most `budget` tokens: half of the budget goes by age, the rest to those with the
  // fewest tokens left. A sequence longer than that is due once its request has saved enough halves up
  // (at once when nobody else waits), and one longer than the budget goes alone. Within a request sequences keep their
  // order. Sorted by length, so that a pass packs like with like. Empty only when nothing waits.
  std::vector<Slot> take(int64_t budget);

  [[nodiscard]] bool empty() const { return by_age_.empty(); }
  [[nodiscard]] int64_t n_tokens() const { return n_tokens_; }
  [[nodiscard]] int64_t n_requests() const { return static_cast<int64_t>(by_age_.size()); }

 private:
  using Need = std::pair<int64_t, uint64_t>;  // tokens left, then age
  int64_t take_from(std::shared_ptr<Request> request, int64_t limit, std::vector<Slot>& slots);
  template <class Map>
  void take_in_order(Map& map, int64_t limit, int64_t& room, std::vector<Slot>& slots);

  std::map<uint64_t, std::shared_ptr<Request>> by_age_;
  std::map<Need, std::shared_ptr<Request>> by_need_;
  int64_t n_tokens_ = 0;
  uint64_t next_age_ = 0;
  uint64_t saver_ = 0;  // age of the request that saved_ belongs to
  int64_t saved_ = 0;   // tokens that the oldest request was entitled to and could not use
};

}  // namespace lode::embed

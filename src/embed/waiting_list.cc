#include "embed/waiting_list.h"

#include <algorithm>

namespace lode::embed {
namespace {

// Of the requests that need least, how many are asked whether their next sequence fits into what is left of a pass.
constexpr int kMaxMisfits = 64;

int64_t length(const TokenSequence& sequence) {
  return static_cast<int64_t>(sequence.ids.size());
}

int64_t next_length(const Request& request) {
  return length(request.sequences[request.n_taken]);
}

}  // namespace

void WaitingList::push(std::shared_ptr<Request> request) {
  request->age = next_age_++;
  n_tokens_ += request->n_tokens_left;
  by_need_.emplace(Need{request->n_tokens_left, request->age}, request);
  by_age_.emplace(request->age, std::move(request));
}

bool WaitingList::remove(const Request& request) {
  const auto found = by_age_.find(request.age);
  if (found == by_age_.end() || found->second.get() != &request) return false;
  n_tokens_ -= request.n_tokens_left;
  by_need_.erase(Need{request.n_tokens_left, request.age});
  by_age_.erase(found);  // last: it may have been the only owner but for the caller
  return true;
}

// Takes the request's next sequences while they fit into `limit` tokens together; returns how many tokens that were.
int64_t WaitingList::take_from(std::shared_ptr<Request> request, int64_t limit, std::vector<Slot>& slots) {
  int64_t n_taken = 0;
  const Need before{request->n_tokens_left, request->age};
  while (request->n_taken < request->sequences.size() && n_taken + next_length(*request) <= limit) {
    n_taken += next_length(*request);
    slots.push_back({request, request->n_taken++});
  }
  if (n_taken == 0) return 0;
  request->n_tokens_left -= n_taken;
  n_tokens_ -= n_taken;
  by_need_.erase(before);
  if (request->n_taken == request->sequences.size()) {
    by_age_.erase(request->age);
  } else {
    by_need_.emplace(Need{request->n_tokens_left, request->age}, std::move(request));
  }
  return n_taken;
}

// Goes through requests in the order of `map` until `limit` tokens are taken, and takes them off `room`.
template <class Map>
void WaitingList::take_in_order(Map& map, int64_t limit, int64_t& room, std::vector<Slot>& slots) {
  int n_misfits = 0;
  for (auto at = map.begin(); at != map.end() && limit > 0 && n_misfits < kMaxMisfits;) {
    const std::shared_ptr<Request> request = at->second;
    ++at;  // take_from() may erase or move this one, behind `at` at the earliest
    const int64_t taken = take_from(request, limit, slots);
    limit -= taken;
    room -= taken;
    if (taken == 0) ++n_misfits;
  }
}

std::vector<Slot> WaitingList::take(int64_t budget) {
  std::vector<Slot> slots;
  if (by_age_.empty()) return slots;
  int64_t room = budget;

  const std::shared_ptr<Request> oldest = by_age_.begin()->second;
  if (saver_ != oldest->age) saved_ = 0;
  saver_ = oldest->age;
  saved_ += std::max<int64_t>(1, budget / 2);
  const int64_t next = next_length(*oldest);
  if (by_age_.size() == 1) saved_ = std::max({saved_, budget, next});
  if (next > budget && next <= saved_) {
    saved_ -= take_from(oldest, next, slots);
    return slots;
  }
  const int64_t n_taken = take_from(oldest, std::min(saved_, room), slots);
  saved_ -= n_taken;
  room -= n_taken;
  // Only a sequence that is too long for its half may save up for it.
  if (n_taken > 0) saved_ = 0;

  // What the oldest leaves of its half is for those behind it, so that a longer text does not wait for as long as
  // shorter ones keep coming.
  take_in_order(by_age_, std::min(room, budget / 2 - n_taken), room, slots);
  take_in_order(by_need_, room, room, slots);
  if (slots.empty()) {  // every one of them is longer than the budget
    const std::shared_ptr<Request> shortest = by_need_.begin()->second;
    take_from(shortest, next_length(*shortest), slots);
    return slots;
  }
  std::ranges::sort(slots, {}, [](const Slot& slot) {
    return std::tuple(length(slot.request->sequences[slot.index]), slot.request->age, slot.index);
  });
  return slots;
}

}  // namespace lode::embed

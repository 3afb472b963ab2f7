// How often a caller may call: a token bucket for each, kept as the one moment at which it will be full again, so that
// a caller who has been idle for long need not be kept at all. Memory is bounded: when more callers than max_callers
// are active at once, the newcomers among them share one bucket. The clock is the caller's. take() is safe from any
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lode::server {

class RateLimiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Verdict {
    bool allowed = true;
    int64_t limit = 0;      // burst: calls that a full bucket allows
    int64_t remaining = 0;  // calls that are allowed right now, after this one
    double retry_s = 0;     // until the next call is allowed; 0 when it is already
    double full_s = 0;      // until the bucket is full again
  };

  // Both above 0; a burst below 1 would never allow a call and counts as 1.
  RateLimiter(double calls_per_minute, double burst, size_t max_callers = 10'000);

  Verdict take(std::string_view caller, TimePoint now);

  [[nodiscard]] size_t n_callers() const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  double& bucket_of(std::string_view caller, double now_s);

  const double interval_s_;  // between two calls at the limit
  const double burst_;
  const size_t max_callers_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, double, Hash, std::equal_to<>> full_at_s_;  // since start_; in the past: full
  double shared_full_at_s_ = 0;                                               // of those who found no place
  double next_sweep_s_ = 0;
  TimePoint start_{};
  bool started_ = false;
};

// What a peer is counted as: its address without the port, of IPv6 the /64 network that one customer usually has.
std::string rate_limit_peer(std::string_view peer);

}  // namespace lode::server

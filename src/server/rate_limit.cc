#include "server/rate_limit.h"

#include <algorithm>
#include <cmath>

#include <arpa/inet.h>

namespace lode::server {

namespace {

// A full table is looked through for idle callers at most this often.
constexpr double kSweepEvery_s = 1;
// Sums of intervals are rounded; a call that is due may not fail by that.
constexpr double kSlack_s = 1e-6;

}  // namespace

RateLimiter::RateLimiter(double calls_per_minute, double burst, size_t max_callers)
    : interval_s_(60 / calls_per_minute), burst_(std::max(1.0, std::floor(burst))), max_callers_(max_callers) {}

double& RateLimiter::bucket_of(std::string_view caller, double now_s) {
  if (const auto known = full_at_s_.find(caller); known != full_at_s_.end()) return known->second;
  if (full_at_s_.size() >= max_callers_ && now_s >= next_sweep_s_) {
    next_sweep_s_ = now_s + kSweepEvery_s;
    std::erase_if(full_at_s_, [now_s](const auto& entry) { return entry.second <= now_s; });
  }
  if (full_at_s_.size() >= max_callers_) return shared_full_at_s_;
  return full_at_s_.emplace(caller, now_s).first->second;
}

RateLimiter::Verdict RateLimiter::take(std::string_view caller, TimePoint now) {
  const std::scoped_lock lock(mutex_);
  if (!started_) start_ = now;
  started_ = true;
  const double now_s = std::chrono::duration<double>(now - start_).count();
  double& full_at_s = bucket_of(caller, now_s);

  // The bucket lacks one call for each interval until it is full.
  const double size_s = interval_s_ * burst_;
  const double after_s = std::max(full_at_s, now_s) + interval_s_;
  Verdict verdict{.allowed = after_s - now_s <= size_s + kSlack_s, .limit = static_cast<int64_t>(burst_)};
  if (verdict.allowed) full_at_s = after_s;
  const double missing_s = std::max(0.0, full_at_s - now_s);
  verdict.remaining =
      std::max(int64_t{0}, static_cast<int64_t>(std::floor((size_s - missing_s + kSlack_s) / interval_s_)));
  verdict.retry_s = std::max(0.0, missing_s + interval_s_ - size_s);
  if (verdict.retry_s <= kSlack_s) verdict.retry_s = 0;
  verdict.full_s = missing_s;
  return verdict;
}

size_t RateLimiter::n_callers() const {
  const std::scoped_lock lock(mutex_);
  return full_at_s_.size();
}

std::string rate_limit_peer(std::string_view peer) {
  std::string address(peer.substr(0, peer.rfind(':')));
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  in6_addr bytes{};
  if (::inet_pton(AF_INET6, address.c_str(), &bytes) != 1) return address;
  // An IPv4 address in IPv6 clothes is one host, not a part of one network of all of them.
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) return address.substr(address.rfind(':') + 1);
  std::fill(bytes.s6_addr + 8, bytes.s6_addr + 16, uint8_t{0});
  char text[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(AF_INET6, &bytes, text, sizeof(text));
  return std::string(text) + "/64";
}

}  // namespace lode::server

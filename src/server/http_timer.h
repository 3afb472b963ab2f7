// A deadline that moves with every step of a connection. Setting a timer costs more than the rest of a small request,
// so it is set for a while that no usual deadline is shorter than, and when it runs off it looks where the deadline is
// now. On the connection's strand. Private to http_*.
#pragma once

#include <algorithm>
#include <utility>

#include "server/http_core.h"

namespace lode::server {

class DeadlineTimer {
 public:
  // `longest_nap`: a deadline nearer than this sets the timer at once.
  DeadlineTimer(const Strand& strand, milliseconds longest_nap) : timer_(strand), longest_nap_(longest_nap) {}

  // `on_timeout()` is called once when the deadline has passed; it holds who owns the timer. The same one every time.
  template <class OnTimeout>
  void set(steady_clock::time_point deadline, OnTimeout on_timeout) {
    deadline_ = deadline;
    if (!set_ || timer_.expiry() > deadline) start(std::move(on_timeout));
  }
  // A last on_timeout() may already be on its way.
  void cancel() {
    deadline_ = steady_clock::time_point::min();
    timer_.cancel();
  }

 private:
  template <class OnTimeout>
  void start(OnTimeout on_timeout) {
    set_ = true;
    timer_.expires_at(std::min(deadline_, steady_clock::now() + longest_nap_));
    timer_.async_wait([this, on_timeout = std::move(on_timeout)](error_code ec) mutable {
      const auto now = steady_clock::now();
      if (ec || timer_.expiry() > now) return;  // cancelled, or set anew when this was already on its way
      set_ = false;
      now < deadline_ ? start(std::move(on_timeout)) : on_timeout();
    });
  }

  asio::steady_timer timer_;
  milliseconds longest_nap_;
  steady_clock::time_point deadline_ = steady_clock::time_point::max();
  bool set_ = false;
};

}  // namespace lode::server

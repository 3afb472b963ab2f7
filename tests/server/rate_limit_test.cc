#include "server/rate_limit.h"

#include <atomic>
#include <rapidcheck.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace lode::server {
namespace {

using namespace std::chrono_literals;
using TimePoint = RateLimiter::TimePoint;

TEST(RateLimiter, AFullBucketAllowsABurstThenOneCallAnInterval) {
  RateLimiter limiter(/*calls_per_minute=*/60, /*burst=*/3);
  const TimePoint start{1000s};
  for (int remaining = 2; remaining >= 0; --remaining) {
    const auto verdict = limiter.take("a", start);
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.limit, 3);
    EXPECT_EQ(verdict.remaining, remaining);
  }
  auto refused = limiter.take("a", start + 250ms);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 0);
  EXPECT_NEAR(refused.retry_s, 0.75, 1e-9);
  EXPECT_NEAR(refused.full_s, 2.75, 1e-9);
  EXPECT_TRUE(limiter.take("b", start).allowed) << "another caller has a bucket of its own";
  EXPECT_TRUE(limiter.take("a", start + 1s).allowed) << "a refused call took nothing";
  EXPECT_FALSE(limiter.take("a", start + 1s).allowed);
  const auto rested = limiter.take("a", start + 1h);
  EXPECT_TRUE(rested.allowed);
  EXPECT_EQ(rested.remaining, 2) << "a bucket never holds more than its burst";
}

TEST(RateLimiter, NoWindowHoldsMoreCallsThanTheBurstAndTheRateAllow) {
  EXPECT_TRUE(rc::check([] {
    const auto per_minute = *rc::gen::inRange(1, 6000);
    const auto burst = *rc::gen::inRange(1, 50);
    const auto gaps_ms = *rc::gen::container<std::vector<int>>(200, rc::gen::inRange(0, 500));
    RateLimiter limiter(per_minute, burst);
    TimePoint now{77s};
    std::vector<double> allowed_s;
    for (const int gap : gaps_ms) {
      now += std::chrono::milliseconds(gap);
      const auto verdict = limiter.take("a", now);
      const double now_s = std::chrono::duration<double>(now.time_since_epoch()).count();
      if (verdict.allowed) allowed_s.push_back(now_s);
      if (!verdict.allowed) {
        RC_ASSERT(verdict.retry_s > 0);
        RC_ASSERT(verdict.retry_s <= 60.0 / per_minute + 1e-9);
      }
    }
    for (size_t i = 0; i < allowed_s.size(); ++i) {
      for (size_t j = i; j < allowed_s.size(); ++j) {
        const double may = burst + (allowed_s[j] - allowed_s[i]) * per_minute / 60;
        RC_ASSERT(static_cast<double>(j - i + 1) <= may + 1e-3);
      }
    }
  }));
}

TEST(RateLimiter, ACallerWhoWaitsAsLongAsToldIsLetIn) {
  for (const double per_minute : {0.5, 1.0, 7.0, 60.0, 100.0, 1e6}) {
    RateLimiter limiter(per_minute, 2);
    TimePoint now{5s};
    int refusals = 0;
    for (int call = 0; call < 200; ++call) {
      const auto verdict = limiter.take("a", now);
      if (verdict.allowed) continue;
      ++refusals;
      now += std::chrono::ceil<std::chrono::nanoseconds>(std::chrono::duration<double>(verdict.retry_s));
      EXPECT_TRUE(limiter.take("a", now).allowed) << per_minute;
    }
    EXPECT_GT(refusals, 0);
  }
}

TEST(RateLimiter, MemoryIsBoundedAndStrangersInAFullTableShareOneBucket) {
  RateLimiter limiter(60, 2, /*max_callers=*/100);
  const TimePoint start{1s};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.take("known" + std::to_string(i), start).allowed);
  int allowed = 0;
  for (int i = 0; i < 1000; ++i) allowed += limiter.take("stranger" + std::to_string(i), start).allowed ? 1 : 0;
  EXPECT_EQ(allowed, 2);
  EXPECT_EQ(limiter.n_callers(), 100U);
  EXPECT_TRUE(limiter.take("known7", start).allowed) << "who was there keeps his bucket";
  EXPECT_TRUE(limiter.take("later", start + 1min).allowed);
  EXPECT_EQ(limiter.n_callers(), 1U) << "idle callers made room";
}

TEST(RateLimiter, ManyThreadsTogetherGetTheBurstAndNoMore) {
  RateLimiter limiter(1, 1000);
  std::atomic<int> allowed = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) allowed += limiter.take("a", TimePoint{1s}).allowed ? 1 : 0;
      });
    }
  }
  EXPECT_EQ(allowed, 1000);
}

TEST(RateLimitPeer, IsTheAddressOrTheNetworkOfIpv6) {
  EXPECT_EQ(rate_limit_peer("127.0.0.1:50312"), "127.0.0.1");
  EXPECT_EQ(rate_limit_peer("[2001:db8:1:2:3:4:5:6]:443"), "2001:db8:1:2::/64");
  EXPECT_EQ(rate_limit_peer("[2001:db8:1:2:ffff::1]:9"), "2001:db8:1:2::/64");
  EXPECT_EQ(rate_limit_peer("[::1]:9"), "::/64");
  EXPECT_EQ(rate_limit_peer("[::ffff:10.1.2.3]:9"), "10.1.2.3");
  EXPECT_EQ(rate_limit_peer(""), "");
}

}  // namespace
}  // namespace lode::server

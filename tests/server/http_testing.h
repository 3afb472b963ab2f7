// Servers and handlers for the tests of HTTP.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "server/http.h"

namespace lode::server {

inline Response echo(const Request& request) {
  return {.content_type = "text/plain", .body = fmt::format("{} {} {}", request.method, request.target, request.body)};
}

inline void answer(Respond& respond, Response response) {
  respond([response = std::move(response)] { return response; });
}

inline Handler echo_handler() {
  return [](const Request& request, Respond respond) { answer(respond, echo(request)); };
}

inline std::unique_ptr<HttpServer> listen(Handler handler, HttpOptions options = {}) {
  options.port = 0;
  auto server = HttpServer::listen(options, std::move(handler));
  EXPECT_TRUE(server) << server.error().line();
  return std::move(*server);
}

inline std::string post(std::string_view target, std::string_view body, std::string_view headers = "") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{}", target, body.size(), headers,
                     body);
}

inline std::string get(std::string_view target) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", target);
}

// What a response's on_sent was told.
class SentLog {
 public:
  std::function<void(const Sent&)> listener() {
    return [this](const Sent& sent) {
      const std::scoped_lock lock(mutex_);
      sent_.push_back(sent);
      changed_.notify_all();
    };
  }
  // What it was told so far, once there are `n`.
  std::vector<Sent> wait_for(size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return sent_.size() >= n; });
    return sent_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Sent> sent_;
};

// Answers only when the test says so.
class HeldHandler {
 public:
  Handler handler() {
    return [this](Request request, Respond respond) {
      const std::scoped_lock lock(mutex_);
      last_gone_ = request.gone;
      ++n_arrived_;
      waiting_.emplace_back(std::move(request), std::move(respond));
      changed_.notify_all();
    };
  }
  // Requests since the beginning, answered or not.
  void wait_for(size_t n) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(10), [&] { return n_arrived_ >= n; }));
  }
  // Of the last request.
  [[nodiscard]] std::stop_token gone() {
    const std::scoped_lock lock(mutex_);
    return last_gone_;
  }
  void open(SentLog* log = nullptr) {
    const std::scoped_lock lock(mutex_);
    for (auto& [request, respond] : waiting_) {
      Response response = echo(request);
      if (log != nullptr) response.on_sent = log->listener();
      answer(respond, std::move(response));
    }
    waiting_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<Request, Respond>> waiting_;
  std::stop_token last_gone_;
  size_t n_arrived_ = 0;
};

// Within 10 s.
inline bool becomes_true(const std::function<bool()>& what) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!what()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

}  // namespace lode::server

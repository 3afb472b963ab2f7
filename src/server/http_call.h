// One request between its connection and its handler: who may answer, whether somebody still waits, and the promise
// that each response hears once how it was sent. Private to http_*.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <stop_token>
#include <utility>

#include "server/http.h"

namespace lode::server {

class Connection;

// Calls a response's on_sent once, at the latest when it is destroyed.
class Delivery {
 public:
  Delivery() = default;
  explicit Delivery(std::function<void(const Sent&)> on_sent) : on_sent_(std::move(on_sent)) {}
  Delivery(Delivery&& other) noexcept : on_sent_(std::exchange(other.on_sent_, {})) {}
  Delivery& operator=(Delivery&& other) noexcept {
    if (this == &other) return *this;
    end({.status = 499});
    on_sent_ = std::exchange(other.on_sent_, {});
    return *this;
  }
  ~Delivery() { end({.status = 499}); }

  void end(const Sent& sent) noexcept;

 private:
  std::function<void(const Sent&)> on_sent_;
};

struct Made {
  Response response;  // its on_sent is in `delivery`
  Delivery delivery;
};

// What an exception makes of it is an internal error.
Made make_guarded(MakeResponse& make);

struct Call {
  std::weak_ptr<HttpCore> core;
  std::weak_ptr<Connection> connection;
  bool large = false;  // a worker formats the answer, not an io thread; settled before a handler has the request
  std::shared_ptr<LateHeaders> late_headers{};
  std::stop_source gone{};
  std::atomic<int> left_with = 499;  // what the peer was given when it no longer waits for the handler's answer
};

// Hands the answer to a call's connection, or makes it for nobody. Any thread.
void answer(std::shared_ptr<Call> call, MakeResponse make);

// The right to answer a call once; unused, it answers for the handler.
class Ticket {
 public:
  explicit Ticket(std::shared_ptr<Call> call) : call_(std::move(call)) {}
  Ticket(Ticket&&) = default;
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket();

  void use(MakeResponse make) {
    if (call_) answer(std::exchange(call_, {}), std::move(make));
  }

 private:
  std::shared_ptr<Call> call_;
};

}  // namespace lode::server

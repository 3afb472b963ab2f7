#include "server/trace.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>

#include <fmt/format.h>

namespace lode::server {

namespace {

constexpr size_t kMaxRequestId = 128;
constexpr size_t kMaxTracestate = 512;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

std::mt19937_64 seeded() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

}  // namespace

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

std::string new_request_id() {
  thread_local std::mt19937_64 random = seeded();
  const uint64_t high = random();
  const uint64_t low = random();
  return fmt::format("req_{:016x}{:016x}", high, low);
}

bool is_traceparent(std::string_view text) {
  return text.size() == 55 && text.starts_with("00-") && text[35] == '-' && text[52] == '-' &&
         is_id(text.substr(3, 32)) && is_id(text.substr(36, 16)) && is_hex(text.substr(53));
}

bool is_tracestate(std::string_view text) {
  return !text.empty() && text.size() <= kMaxTracestate &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7F; });
}

}  // namespace lode::server

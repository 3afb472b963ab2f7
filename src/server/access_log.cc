#include "server/access_log.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/json.h"
#include "base/log.h"

namespace lode::server {

namespace {

// Longer ones are cut: a line stays a line that tools take.
constexpr size_t kMaxChars = 512;
constexpr double kMs = 1000;

std::string_view shortened(std::string_view text) {
  return text.substr(0, kMaxChars);
}

// Visible ASCII that stands for itself in both forms.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '\\'; });
}

// Collects the members of a JSON object.
class Members {
 public:
  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    value = shortened(value);
    if (is_plain(value)) {
      fmt::format_to(at_, R"({}"{}":"{}")", comma(), key, value);
    } else {
      fmt::format_to(at_, R"({}"{}":{})", comma(), key, json::quote(value));
    }
  }
  void number(std::string_view key, size_t value) { fmt::format_to(at_, R"({}"{}":{})", comma(), key, value); }
  void ms(std::string_view key, double seconds) {
    fmt::format_to(at_, R"({}"{}":{:.3f})", comma(), key, seconds * kMs);
  }
  void flag(std::string_view key, bool value) {
    if (value) fmt::format_to(at_, R"({}"{}":true)", comma(), key);
  }
  [[nodiscard]] std::string take() const { return fmt::to_string(out_); }

 private:
  std::string_view comma() { return out_.size() == 0 ? "" : ","; }

  fmt::memory_buffer out_;
  std::back_insert_iterator<fmt::memory_buffer> at_ = std::back_inserter(out_);
};

// Everything but visible ASCII as \xNN: some terminals obey bytes above it as well.
std::string visible(std::string_view text) {
  text = shortened(text);
  if (is_plain(text)) return std::string(text);
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c < 0x7F && c != '\\') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// Requests that carry inputs have these parts.
bool has_parts(const Exchange& exchange) {
  return exchange.n_inputs > 0;
}

}  // namespace

std::string access_json(const AccessEntry& entry) {
  const Exchange& exchange = entry.exchange;
  Members members;
  members.text("request_id", exchange.request_id);
  members.text("traceparent", exchange.traceparent);
  members.text("peer", entry.peer);
  members.text("tls_subject", entry.tls_subject);
  members.text("key", exchange.key_name);
  members.text("method", entry.method);
  members.text("path", entry.path);
  members.number("status", static_cast<size_t>(std::max(entry.status, 0)));
  members.ms("total_ms", entry.total_s);
  if (has_parts(exchange)) {
    members.ms("queue_ms", exchange.queue_s);
    members.ms("tokenize_ms", exchange.tokenize_s);
    members.ms("compute_ms", exchange.compute_s);
    members.ms("format_ms", exchange.format_s);
  }
  members.ms("write_ms", entry.write_s);
  if (has_parts(exchange)) {
    members.number("inputs", static_cast<size_t>(exchange.n_inputs));
    members.number("tokens", static_cast<size_t>(exchange.n_tokens));
    members.number("truncated", static_cast<size_t>(exchange.n_truncated));
  }
  members.number("bytes_in", entry.n_bytes_in);
  members.number("bytes_out", entry.n_bytes_out);
  members.text("model", exchange.model);
  members.text("error", exchange.error);
  members.flag("aborted", entry.aborted);
  return members.take();
}

std::string access_text(const AccessEntry& entry) {
  const Exchange& exchange = entry.exchange;
  fmt::memory_buffer out;
  const auto at = std::back_inserter(out);
  fmt::format_to(at, "{} {} {} {:.1f} ms", visible(entry.method), visible(entry.path), entry.status,
                 entry.total_s * kMs);
  if (has_parts(exchange)) {
    fmt::format_to(at, " (tokenize {:.1f}, queue {:.1f}, compute {:.1f}, format {:.1f}, write {:.1f})",
                   exchange.tokenize_s * kMs, exchange.queue_s * kMs, exchange.compute_s * kMs, exchange.format_s * kMs,
                   entry.write_s * kMs);
    fmt::format_to(at, " {} inputs {} tokens", exchange.n_inputs, exchange.n_tokens);
    if (exchange.n_truncated > 0) fmt::format_to(at, " {} truncated", exchange.n_truncated);
  }
  fmt::format_to(at, " {} bytes in {} out", entry.n_bytes_in, entry.n_bytes_out);
  const auto field = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) fmt::format_to(at, " {}={}", name, visible(value));
  };
  field("model", exchange.model);
  field("key", exchange.key_name);
  field("peer", entry.peer);
  field("tls", entry.tls_subject);
  field("id", exchange.request_id);
  field("trace", exchange.traceparent);
  field("error", exchange.error);
  if (entry.aborted) fmt::format_to(at, " aborted");
  return fmt::to_string(out);
}

void log_access(const AccessEntry& entry) {
  const log::Level level = entry.quiet ? log::Level::debug : log::Level::info;
  if (!log::enabled(level)) return;
  if (log::is_json()) {
    log::record(level, access_json(entry));
  } else {
    log::write(level, access_text(entry));
  }
}

}  // namespace lode::server

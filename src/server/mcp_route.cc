#include "server/mcp_route.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/excerpt.h"
#include "mcp/protocol.h"
#include "server/cors.h"
#include "server/search_service.h"

namespace lode::server {
namespace {

// The message layer's own words, for clients that read them.
Response rpc_refusal(int status, int code, std::string message) {
  return {.status = status, .body = mcp::error_text(nullptr, {.code = code, .message = std::move(message)})};
}

Response answer_of(std::optional<std::string> answer) {
  if (!answer) return {.status = 202, .content_type = ""};
  return {.body = *std::move(answer)};
}

}  // namespace

bool is_trusted_origin(std::string_view origin, const std::vector<std::string>& allowed) {
  if (origin.empty()) return true;
  if (std::ranges::find(allowed, "*") != allowed.end() || std::ranges::find(allowed, origin) != allowed.end()) {
    return true;
  }
  const size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  std::string_view host = origin.substr(scheme + 3);
  const size_t port = host.starts_with('[') ? host.find("]:") : host.find(':');
  if (port != std::string_view::npos) host = host.substr(0, port + (host.starts_with('[') ? 1 : 0));
  return host == "localhost" || host == "127.0.0.1" || host == "[::1]";
}

void answer_mcp(RouteCall call) {
  const auto refuse = [&call](int status, int code, std::string reason, std::string message) {
    call.exchange().error = std::move(reason);
    call.answer(rpc_refusal(status, code, std::move(message)));
  };
  const std::string_view origin = header_value(call.request, "origin");
  if (!is_trusted_origin(origin, call.options.trusted_origins)) {
    return refuse(403, mcp::kInvalidRequest, "origin_not_allowed",
                  fmt::format("The origin {} may not ask here; --cors names those that may", excerpt(origin)));
  }
  const std::string_view version = header_value(call.request, "mcp-protocol-version");
  if (!version.empty() && !mcp::is_known_version(version)) {
    return refuse(400, mcp::kInvalidRequest, "unsupported_protocol_version",
                  fmt::format("MCP-Protocol-Version {} is not known; the newest known is {}", excerpt(version),
                              mcp::kProtocolVersions.front()));
  }
  if (call.request.body.size() > mcp::kMostMessageBytes) {
    return refuse(413, mcp::kInvalidRequest, "body_too_large",
                  fmt::format("A message has at most {} bytes", mcp::kMostMessageBytes));
  }
  struct Held {
    std::string body;
    Respond respond;
    std::stop_token gone;
    void answer(Response response) {
      respond([response = std::move(response)]() mutable { return std::move(response); });
    }
  };
  SearchService& service = *call.options.search;
  const auto held = std::make_shared<Held>(call.request.body, std::move(call.respond), call.request.gone);
  const Status submitted = service.submit([held, &service] {
    if (held->gone.stop_requested()) return held->answer({.status = 499});
    held->answer(answer_of(service.protocol().answer(held->body)));
  });
  if (submitted) return;
  call.exchange().error = code_name(submitted.error().code);
  Response refused = rpc_refusal(429, mcp::kInternalError, submitted.error().line());
  refused.headers.push_back({"Retry-After", "1"});
  held->answer(std::move(refused));
}

}  // namespace lode::server

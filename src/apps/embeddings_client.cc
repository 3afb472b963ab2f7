#include "apps/embeddings_client.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "apps/command.h"
#include "base/json.h"
#include "server/base64.h"

namespace lode::apps {

// base64 holds float32 as they lie in memory.
static_assert(std::endian::native == std::endian::little);

namespace {

using json::Kind;
using json::Value;

constexpr size_t kMaxAnswer = size_t{1} << 30;
constexpr int64_t kMaxAskedSeconds = 600;
constexpr size_t kMaxSaid = 300;

bool worth_retrying(long status) {
  return status == 408 || status == 425 || status == 429 || status >= 500;
}

int64_t asked_seconds(const HttpHead& head) {
  const std::string_view text = head.header("retry-after");
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return error == std::errc() ? std::clamp<int64_t>(seconds, 0, kMaxAskedSeconds) : 0;
}

// What a server says of its refusal: OpenAI's {"error": {"message"}}, NIM's {"message"}, FastAPI's {"detail"}.
std::string said_in(std::string_view body) {
  std::string said(body);
  if (const auto document = json::Document::parse(body, "answer")) {
    const Value root = document->root();
    std::optional<Value> message = root.get("error");
    if (message && message->is(Kind::object)) message = message->get("message");
    if (!message) message = root.get("message");
    if (!message) message = root.get("detail");
    if (message) said = message->as_string() ? std::string(*message->as_string()) : message->text();
  }
  if (said.size() > kMaxSaid) said.resize(kMaxSaid);
  return said.empty() ? "nothing" : said;
}

Result<std::vector<float>> vector_of(const Value& embedding) {
  std::vector<float> out;
  if (const auto text = embedding.as_string()) {
    const auto bytes = server::decode_base64(*text);
    if (!bytes || bytes->size() % sizeof(float) != 0) return fail(Code::corrupt, "an embedding is no base64 of floats");
    out.resize(bytes->size() / sizeof(float));
    std::memcpy(out.data(), bytes->data(), bytes->size());
  } else if (embedding.is(Kind::array)) {
    out.reserve(embedding.size());
    for (const Value& item : embedding.items()) {
      const auto number = item.as_double();
      if (!number) return fail(Code::corrupt, fmt::format("an embedding holds {}, expected numbers", item.text(40)));
      out.push_back(static_cast<float>(*number));
    }
  } else {
    return fail(Code::corrupt, fmt::format("an embedding is {}, expected a list or base64", embedding.text(40)));
  }
  if (out.empty()) return fail(Code::corrupt, "an embedding is empty");
  if (!std::ranges::all_of(out, [](float x) { return std::isfinite(x); })) {
    return fail(Code::corrupt, "an embedding holds a number that is not finite");
  }
  return out;
}

Status pause(std::chrono::milliseconds time, const std::atomic<bool>& stop) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + time;
  while (Clock::now() < until) {
    if (interrupted() || stop) return fail(Code::cancelled, "interrupted");
    std::this_thread::sleep_for(std::min<Clock::duration>(until - Clock::now(), std::chrono::milliseconds(100)));
  }
  return {};
}

}  // namespace

struct EmbeddingsClient::Reply {
  HttpHead head;
  std::string body;
};

std::string embeddings_url(std::string_view endpoint) {
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  if (endpoint.ends_with("/embeddings")) return std::string(endpoint);
  const size_t host = endpoint.find("://");
  const bool has_path = host != std::string_view::npos && endpoint.find('/', host + 3) != std::string_view::npos;
  return std::string(endpoint) + (has_path ? "/embeddings" : "/v1/embeddings");
}

std::string embeddings_body(const EmbeddingsRequest& request, EmbeddingsForm form, std::string_view model) {
  std::string out = fmt::format(R"({{"model":{},"input":[)", json::quote(model));
  for (size_t i = 0; i < request.texts.size(); ++i) {
    if (i > 0) out += ',';
    out += json::quote(request.texts[i]);
  }
  out += fmt::format(R"(],"encoding_format":"{}")", form.base64 ? "base64" : "float");
  if (form.input_type) {
    out += fmt::format(R"(,"input_type":"{}")", request.side == embed::InputType::query ? "query" : "passage");
  }
  if (form.truncate) out += R"(,"truncate":"END")";
  if (!request.task.empty()) out += fmt::format(R"(,"task":{})", json::quote(request.task));
  return out + '}';
}

Result<EmbeddingsAnswer> parse_embeddings(std::string_view body, size_t n_texts) {
  const auto document = json::Document::parse(body, "the answer");
  if (!document) return fail(Code::corrupt, document.error().message);  // the server's fault, not the command line's
  const auto data = document->root().get("data");
  if (!data || !data->is(Kind::array)) return fail(Code::corrupt, "the answer has no list \"data\"");
  const std::vector<Value> items = data->items();
  if (items.size() != n_texts) {
    return fail(Code::corrupt, fmt::format("the answer has {} vectors for {} texts", items.size(), n_texts));
  }
  EmbeddingsAnswer out;
  std::vector<bool> seen(n_texts);
  for (size_t i = 0; i < items.size(); ++i) {
    const auto embedding = items[i].get("embedding");
    if (!embedding) return fail(Code::corrupt, "the answer has a row without \"embedding\"");
    size_t at = i;
    if (const auto index = items[i].get("index")) {
      const int64_t given = index->as_int().value_or(-1);
      if (given < 0 || given >= static_cast<int64_t>(n_texts)) {
        return fail(Code::corrupt, fmt::format("the answer has a row of index {}", index->text()));
      }
      at = static_cast<size_t>(given);
    }
    if (seen[at]) return fail(Code::corrupt, fmt::format("the answer has two rows of index {}", at));
    seen[at] = true;
    LODE_ASSIGN(const std::vector<float> vector, vector_of(*embedding));
    if (i == 0) {
      out.n_dims = vector.size();
      out.vectors.resize(n_texts * out.n_dims);
    }
    if (vector.size() != out.n_dims) {
      return fail(Code::corrupt,
                  fmt::format("the answer has vectors of {} and of {} dimensions", out.n_dims, vector.size()));
    }
    std::ranges::copy(vector, out.vectors.begin() + static_cast<ptrdiff_t>(at * out.n_dims));
  }
  return out;
}

std::expected<EmbeddingsClient::Reply, HttpFailure> EmbeddingsClient::send(const std::string& url,
                                                                           std::optional<std::string> json) {
  HttpRequest request;
  request.url = url;
  request.bearer = server_.api_key;
  request.json = std::move(json);
  request.stall_seconds = server_.stall_seconds;
  request.ca_file = server_.ca_file;
  Reply reply;
  auto head = http_.send(
      request, [](const HttpHead&) { return Status(); },
      [&](std::span<const std::byte> bytes) -> Status {
        if (reply.body.size() + bytes.size() > kMaxAnswer) {
          return fail(Code::too_large, fmt::format("{} answers with more than {} bytes", host_of(url), kMaxAnswer));
        }
        reply.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
      });
  if (!head) return std::unexpected(std::move(head).error());
  reply.head = std::move(*head);
  return reply;
}

EmbeddingsFailure EmbeddingsClient::refused(const Reply& reply, int n_tries) const {
  const long status = reply.head.status;
  EmbeddingsFailure out;
  out.of_request = status == 400 || status == 413 || status == 422;
  out.error.message = fmt::format("{} answers {}{}: {}", host_of(server_.url), status,
                                  n_tries > 1 ? fmt::format(" to {} tries", n_tries) : "", said_in(reply.body));
  out.error.code = Code::unsupported;
  if (status == 401 || status == 403) {
    out.error.code = Code::permission;
    out.error.hint = "Give a key in LODE_ENDPOINT_KEY.";
  } else if (status == 404 || status == 405) {
    out.error.code = Code::not_found;
    out.error.hint = fmt::format("Asked was {} for the model \"{}\".", server_.url, server_.model);
  } else if (status == 429) {
    out.error.code = Code::overloaded;
    out.error.hint = "Ask for less at a time with --concurrency and --batch.";
  } else if (status >= 500) {
    out.error.code = Code::unavailable;
  }
  return out;
}

std::expected<EmbeddingsAnswer, EmbeddingsFailure> EmbeddingsClient::embed(const EmbeddingsRequest& request,
                                                                           EmbeddingsForm form,
                                                                           const std::atomic<bool>& stop) {
  using Kind = HttpFailure::Kind;
  const std::string body = embeddings_body(request, form, server_.model);
  for (int n_tries = 1;; ++n_tries) {
    const auto reply = send(server_.url, body);
    if (reply && reply->head.status == 200) {
      auto answer = parse_embeddings(reply->body, request.texts.size());
      if (answer) return std::move(*answer);
      Error error = std::move(answer).error();
      error.message = fmt::format("{}: {}", host_of(server_.url), error.message);
      return std::unexpected(EmbeddingsFailure{.error = std::move(error), .of_request = false});
    }
    const bool again = reply ? worth_retrying(reply->head.status)
                             : reply.error().kind == Kind::broken || reply.error().kind == Kind::offline;
    if (!again || n_tries > server_.n_retries) {
      if (reply) return std::unexpected(refused(*reply, n_tries));
      Error error = reply.error().error;
      if (n_tries > 1) error.message += fmt::format(" ({} tries)", n_tries);
      return std::unexpected(EmbeddingsFailure{.error = std::move(error), .of_request = false});
    }
    const auto backoff = server_.first_pause * (1 << std::min(n_tries - 1, 6));
    const std::chrono::milliseconds asked = std::chrono::seconds(reply ? asked_seconds(reply->head) : 0);
    if (const Status paused = pause(std::max(backoff, asked), stop); !paused) {
      return std::unexpected(EmbeddingsFailure{.error = paused.error(), .of_request = false});
    }
  }
}

Result<std::string> EmbeddingsClient::first_model() {
  std::string url = server_.url;
  url.replace(url.rfind("/embeddings"), std::string::npos, "/models");
  const auto reply = send(url, {});
  if (!reply) return std::unexpected(reply.error().error);
  if (reply->head.status == 401 || reply->head.status == 403) return std::unexpected(refused(*reply, 1).error);
  const auto document = json::Document::parse(reply->body, "the list of models");
  const auto data = document && reply->head.status == 200 ? document->root().get("data") : std::nullopt;
  const auto id = data && data->size() > 0 ? data->items().front().get("id") : std::nullopt;
  if (!id || !id->as_string()) {
    return fail(Code::invalid_argument, fmt::format("{} lists no models (status {})", url, reply->head.status),
                "Give the model's name with --model.");
  }
  return std::string(*id->as_string());
}

}  // namespace lode::apps

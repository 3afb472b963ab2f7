#include "apps/endpoint_encoder.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "apps/http_client.h"
#include "base/json.h"

namespace lode::apps {
namespace {

constexpr size_t kWindow = 8192;            // texts that are sorted by length
constexpr size_t kMaxBatchBytes = 800'000;  // proxies refuse bodies over 1 MB
constexpr int kProbeRetries = 2;            // a wrong address should be told soon
constexpr size_t kShown = 60;

std::string with_task(std::string text, std::string_view task) {
  constexpr std::string_view kPlace = "{task}";
  if (const size_t at = text.find(kPlace); at != std::string::npos) text.replace(at, kPlace.size(), task);
  return text;
}

// What is tried, one after the other, until the server takes it.
std::vector<EmbeddingsForm> forms(SendInputType input_type) {
  std::vector<EmbeddingsForm> out;
  for (const bool base64 : {true, false}) {
    for (const bool with_type : {true, false}) {
      if (with_type ? input_type == SendInputType::off : input_type == SendInputType::on) continue;
      for (const bool truncate : {true, false}) {
        out.push_back({.input_type = with_type, .truncate = truncate, .base64 = base64});
      }
    }
  }
  return out;
}

}  // namespace

struct EndpointEncoder::Batch {
  std::vector<size_t> places;  // in the call
  std::vector<std::string> texts;
  Result<std::vector<float>> vectors;  // [texts, n_dims]
};

// What the calling thread and the workers of one call share.
struct EndpointEncoder::Exchange {
  std::span<const std::string> texts;
  std::span<const size_t> order;
  embed::InputType side{};
  std::string prefix;
  std::string task;
  size_t n_texts = 0;  // of a batch
  std::atomic<bool> stop = false;

  std::mutex mutex;
  std::condition_variable news;
  size_t next = 0;       // in order
  size_t n_pending = 0;  // batches that are out
  std::deque<Batch> done;

  // The next batch, or nothing when there is none; mutex held.
  std::optional<Batch> take() {
    if (stop || next == order.size()) return std::nullopt;
    Batch batch;
    size_t n_bytes = 0;
    while (next < order.size() && batch.places.size() < n_texts) {
      const std::string& text = texts[order[next]];
      n_bytes += prefix.size() + text.size();
      if (!batch.places.empty() && n_bytes > kMaxBatchBytes) break;
      batch.places.push_back(order[next++]);
      batch.texts.push_back(prefix + text);
    }
    ++n_pending;
    return batch;
  }
};

Result<std::unique_ptr<EndpointEncoder>> EndpointEncoder::open(EndpointOptions options) {
  std::unique_ptr<EndpointEncoder> out(new EndpointEncoder(std::move(options)));
  LODE_TRY(out->learn());
  for (size_t i = 0; i < std::max<size_t>(out->options_.n_connections, 1); ++i) {
    out->clients_.push_back(std::make_unique<EmbeddingsClient>(out->options_.server));
  }
  return out;
}

Status EndpointEncoder::learn() {
  const std::atomic<bool> stop = false;
  EmbeddingsServer server = options_.server;
  server.n_retries = std::min(server.n_retries, kProbeRetries);
  if (server.model.empty()) {
    LODE_ASSIGN(server.model, EmbeddingsClient(server).first_model());
    options_.server.model = server.model;
  }
  EmbeddingsClient client(server);
  const std::vector<std::string> texts{"What does this server take?"};
  std::optional<Error> first;
  for (const EmbeddingsForm& form : forms(options_.input_type)) {
    const auto answer = client.embed({.texts = texts, .side = embed::InputType::query, .task = {}}, form, stop);
    if (!answer) {
      if (!answer.error().of_request) return std::unexpected(answer.error().error);
      if (!first) first = answer.error().error;
      continue;
    }
    form_ = form;
    n_dims_ = static_cast<int64_t>(answer->n_dims);
    if (!options_.on_note) return {};
    if (!form.input_type && options_.input_type == SendInputType::automatic) {
      options_.on_note("the server takes no input_type: queries and passages differ by their prefixes only");
    }
    if (!form.truncate) options_.on_note("the server takes no truncate: a text that is too long for it ends the run");
    return {};
  }
  return std::unexpected(*first);
}

std::string EndpointEncoder::prefix(const eval::Prompt& prompt) const {
  return with_task(prompt.side == embed::InputType::query ? options_.query_prefix : options_.passage_prefix,
                   prompt.task);
}

Result<std::string> EndpointEncoder::applied(const eval::Prompt& prompt) const {
  const bool is_query = prompt.side == embed::InputType::query;
  return fmt::format("{}\n{}\n{}", form_.input_type ? (is_query ? "query" : "passage") : "",
                     options_.send_task && is_query ? prompt.task : "", prefix(prompt));
}

std::string EndpointEncoder::identity() const {
  return fmt::format("endpoint {}\nmodel {}\ninput_type {}\ntruncate {}\ndimensions {}\n", options_.server.url,
                     options_.server.model, form_.input_type ? "sent" : "not sent", form_.truncate ? "END" : "not sent",
                     n_dims_);
}

Status EndpointEncoder::encode_each(std::span<const std::string> texts, const eval::Prompt& prompt,
                                    const eval::OnVector& on_vector) {
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t begin = 0; begin < order.size(); begin += kWindow) {
    const auto window = std::span(order).subspan(begin, std::min(kWindow, order.size() - begin));
    std::ranges::stable_sort(window, {}, [&](size_t i) { return texts[i].size(); });
  }
  Exchange exchange;
  exchange.texts = texts;
  exchange.order = order;
  exchange.side = prompt.side;
  exchange.prefix = prefix(prompt);
  if (options_.send_task && prompt.side == embed::InputType::query) exchange.task = prompt.task;
  exchange.n_texts = std::max<size_t>(options_.n_texts, 1);
  std::vector<std::jthread> workers;
  for (const auto& client : clients_) {
    workers.emplace_back([this, own = client.get(), &exchange] { work(*own, exchange); });
  }
  const auto n_dims = static_cast<size_t>(n_dims_);
  Status status;
  std::unique_lock lock(exchange.mutex);
  while (true) {
    exchange.news.wait(lock, [&] {
      return !exchange.done.empty() || (exchange.n_pending == 0 && (exchange.stop || exchange.next == order.size()));
    });
    if (exchange.done.empty()) break;
    const Batch batch = std::move(exchange.done.front());
    exchange.done.pop_front();
    lock.unlock();
    if (status && !batch.vectors) status = std::unexpected(batch.vectors.error());
    for (size_t i = 0; status && i < batch.places.size(); ++i) {
      const auto vector = std::span(*batch.vectors).subspan(i * n_dims, n_dims);
      status = on_vector({.text = batch.places[i], .vector = vector, .computed = true});
    }
    if (!status) exchange.stop = true;
    lock.lock();
  }
  lock.unlock();
  return status;
}

void EndpointEncoder::work(EmbeddingsClient& client, Exchange& exchange) const {
  std::unique_lock lock(exchange.mutex);
  while (auto batch = exchange.take()) {
    lock.unlock();
    batch->vectors =
        embed(client, {.texts = batch->texts, .side = exchange.side, .task = exchange.task}, exchange.stop);
    lock.lock();
    if (!batch->vectors) exchange.stop = true;
    exchange.done.push_back(std::move(*batch));
    --exchange.n_pending;
    exchange.news.notify_one();
  }
}

Result<std::vector<float>> EndpointEncoder::embed(EmbeddingsClient& client, const EmbeddingsRequest& request,
                                                  const std::atomic<bool>& stop) const {
  auto answer = client.embed(request, form_, stop);
  if (!answer && answer.error().of_request && request.texts.size() > 1) {
    const size_t half = request.texts.size() / 2;
    EmbeddingsRequest part = request;
    part.texts = request.texts.first(half);
    LODE_ASSIGN(std::vector<float> vectors, embed(client, part, stop));
    part.texts = request.texts.subspan(half);
    LODE_ASSIGN(const std::vector<float> rest, embed(client, part, stop));
    vectors.insert(vectors.end(), rest.begin(), rest.end());
    return vectors;
  }
  if (!answer) {
    Error error = std::move(answer).error().error;
    if (request.texts.size() == 1 && error.code == Code::unsupported) {
      const std::string& text = request.texts.front();
      error.message += fmt::format(" (a text of {} bytes that starts with {})", text.size(),
                                   json::quote(std::string_view(text).substr(0, kShown)));
      if (!form_.truncate)
        error.hint = "The server takes no \"truncate\": raise its limit, or evaluate the model itself.";
    }
    return std::unexpected(std::move(error));
  }
  if (answer->n_dims != static_cast<size_t>(n_dims_)) {
    return fail(Code::corrupt, fmt::format("{} answers with {} dimensions, before it were {}",
                                           host_of(options_.server.url), answer->n_dims, n_dims_));
  }
  for (size_t i = 0; i < request.texts.size(); ++i) {
    eval::normalise(std::span(answer->vectors).subspan(i * answer->n_dims, answer->n_dims));
  }
  return std::move(answer->vectors);
}

}  // namespace lode::apps

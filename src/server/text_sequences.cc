#include "server/text_sequences.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "server/embedding_request.h"

namespace lode::server {

namespace {

using Clock = std::chrono::steady_clock;

ApiError placed(const Error& error, std::string_view param, size_t index, size_t n) {
  ApiError placed = to_api_error(error);
  if (error.code == Code::too_long) {
    placed.hint = R"(Send a shorter text, or "truncate": "END" (or "START") to have it cut.)";
  }
  placed.hint += fmt::format("{}This is {} {} of {}, counted from 0.", placed.hint.empty() ? "" : " ", param, index, n);
  placed.param = param;
  return placed;
}

// sequence_of(i) -> Result<TokenSequence>, for each of n inputs.
template <class SequenceOf>
std::expected<void, ApiError> append(size_t n, std::string_view param, const std::stop_token& gone, Exchange& exchange,
                                     Sequences& sequences, const SequenceOf& sequence_of) {
  const auto begun = Clock::now();
  sequences.reserve(sequences.size() + n);
  exchange.n_inputs += static_cast<int64_t>(n);
  for (size_t i = 0; i < n; ++i) {
    if (gone.stop_requested()) {
      return std::unexpected(ApiError{.code = Code::cancelled, .message = "The client has left"});
    }
    Result<embed::TokenSequence> sequence = sequence_of(i);
    if (!sequence) return std::unexpected(placed(sequence.error(), param, i, n));
    exchange.n_tokens += std::ssize(sequence->ids);
    exchange.n_truncated += sequence->n_tokens_before_cut > std::ssize(sequence->ids) ? 1 : 0;
    sequences.push_back(std::move(*sequence));
  }
  exchange.tokenize_s += std::chrono::duration<double>(Clock::now() - begun).count();
  return {};
}

}  // namespace

std::expected<std::string, ApiError> choose_instruction(const model::ModelConfig& config,
                                                        const std::optional<std::string>& instruction,
                                                        const std::optional<std::string>& task, embed::InputType type) {
  if (instruction) return *instruction;
  if (!task) return std::string(embed::default_instruction(config, type));
  auto filled = embed::task_instruction(config, *task);
  if (filled) return std::move(*filled);
  ApiError error = to_api_error(filled.error());
  error.param = "task";
  return std::unexpected(std::move(error));
}

std::expected<void, ApiError> append_sequences(const EmbeddingService& service, std::span<const std::string> texts,
                                               std::string_view instruction, embed::Truncate truncate,
                                               std::string_view param, const std::stop_token& gone, Exchange& exchange,
                                               Sequences& sequences) {
  return append(texts.size(), param, gone, exchange, sequences, [&](size_t i) {
    exchange.n_empty += is_blank(texts[i]) ? 1 : 0;
    return service.tokenize(texts[i], instruction, truncate);
  });
}

std::expected<void, ApiError> append_sequences(const EmbeddingService& service,
                                               std::span<const std::vector<int64_t>> token_ids,
                                               embed::Truncate truncate, const std::stop_token& gone,
                                               Exchange& exchange, Sequences& sequences) {
  return append(token_ids.size(), "input", gone, exchange, sequences,
                [&](size_t i) { return service.from_ids(token_ids[i], truncate); });
}

}  // namespace lode::server

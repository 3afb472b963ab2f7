// From a request's texts to what the engine takes: which instruction goes in front, then ids, counted for the log.
// Errors say which input it was. Stateless; the HTTP threads.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "embed/prompt.h"
#include "server/api_error.h"
#include "server/exchange.h"
#include "server/service.h"

namespace lode::server {

using Sequences = std::vector<embed::TokenSequence>;

// Explicit words of the request come first, then what `type` means for the model.
std::expected<std::string, ApiError> choose_instruction(const model::ModelConfig& config,
                                                        const std::optional<std::string>& instruction,
                                                        const std::optional<std::string>& task, embed::InputType type);

// Appends a sequence a text. `param` is the field that the texts came in. Stops when `gone` is requested: who asked is
// not there any more.
std::expected<void, ApiError> append_sequences(const EmbeddingService& service, std::span<const std::string> texts,
                                               std::string_view instruction, embed::Truncate truncate,
                                               std::string_view param, const std::stop_token& gone, Exchange& exchange,
                                               Sequences& sequences);

// The same from the caller's own ids, which no instruction goes in front of.
std::expected<void, ApiError> append_sequences(const EmbeddingService& service,
                                               std::span<const std::vector<int64_t>> token_ids,
                                               embed::Truncate truncate, const std::stop_token& gone,
                                               Exchange& exchange, Sequences& sequences);

}  // namespace lode::server

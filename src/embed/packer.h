// From token sequences to batches: consecutive sequences are packed end to end until a token budget is full. No
// padding, no sorting: packed batches cost what their tokens cost in any order. Stateless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "embed/prompt.h"
#include "model/batch.h"

namespace lode::embed {

// How many of the first sequences fit into max_tokens together; at least one, so a longer sequence is a batch of its
// own.
size_t count_that_fit(std::span<const TokenSequence> sequences, int64_t max_tokens);

// All of them as one batch.
model::Batch pack(std::span<const TokenSequence> sequences);

}  // namespace lode::embed

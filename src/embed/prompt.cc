#include "embed/prompt.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace lode::embed {
namespace {

constexpr std::string_view kEosText = "</s>";

// How a sequence is put together, before any cut.
struct Layout {
  std::vector<text::TokenId> content;  // between the template's tokens
  int64_t n_prefix = 0;                // template tokens in front
  int64_t n_suffix = 0;
  int64_t n_instruction = 0;  // positions from the start that count as instruction (special tokens included)
  int64_t n_tail = 0;         // content tokens at the end that START must not drop: the appended EOS
};

// The words that clients of the hosted endpoints look for.
std::unexpected<Error> too_long(int64_t n_tokens, int64_t max_tokens) {
  return fail(Code::too_long,
              fmt::format("Input length {} exceeds maximum allowed token size {}", n_tokens, max_tokens),
              "Shorten the text, or let it be cut with truncate START or END.");
}

Result<Layout> lay_out(const text::Tokenizer& tokenizer, const model::ModelConfig& config, std::string_view text,
                       std::string_view instruction) {
  Layout layout;
  layout.n_prefix = static_cast<int64_t>(tokenizer.template_prefix().size());
  layout.n_suffix = static_cast<int64_t>(tokenizer.template_suffix().size());
  layout.n_tail = config.append_eos_text ? 1 : 0;
  if (instruction.empty() && !config.append_eos_text) {
    tokenizer.encode(text, layout.content);
  } else {
    std::string whole;
    whole.reserve(instruction.size() + text.size() + kEosText.size());
    whole.append(instruction).append(text);
    if (config.append_eos_text) whole.append(kEosText);
    tokenizer.encode(whole, layout.content);
  }
  if (!instruction.empty()) {
    // The reference counts the instruction's tokens alone and skips that many positions from BOS on, so a last token
    // that merges into the text (the space of "Query: ") makes up for BOS. With a template suffix it counts one more.
    std::vector<text::TokenId> alone;
    tokenizer.encode(instruction, alone);
    layout.n_instruction =
        static_cast<int64_t>(alone.size()) + std::max<int64_t>(0, layout.n_prefix + layout.n_suffix - 1);
  }
  const int64_t n = layout.n_prefix + static_cast<int64_t>(layout.content.size()) + layout.n_suffix;
  if (n > std::numeric_limits<int32_t>::max()) return too_long(n, std::numeric_limits<int32_t>::max());
  return layout;
}

// Drops what does not fit; `room` is how many content tokens may stay, at least 0.
Status cut(Layout& layout, int64_t max_tokens, Truncate truncate) {
  const auto n_content = static_cast<int64_t>(layout.content.size());
  const int64_t room = max_tokens - layout.n_prefix - layout.n_suffix;
  if (room < 0) {
    return fail(Code::invalid_argument,
                fmt::format("the limit of {} tokens is less than the {} special tokens of every text", max_tokens,
                            layout.n_prefix + layout.n_suffix),
                "Raise the limit.");
  }
  if (truncate == Truncate::end) {
    layout.content.resize(static_cast<size_t>(room));
    return {};
  }
  const int64_t head = std::clamp<int64_t>(layout.n_instruction - layout.n_prefix, 0, n_content);
  if (room < head + std::max<int64_t>(1, layout.n_tail)) {
    return fail(Code::invalid_argument,
                fmt::format("the limit of {} tokens leaves no room for text beside the {} tokens of the instruction",
                            max_tokens, head),
                "Raise the limit or shorten the instruction.");
  }
  layout.content.erase(layout.content.begin() + head, layout.content.begin() + (n_content - (room - head)));
  return {};
}

}  // namespace

std::string_view default_instruction(const model::ModelConfig& config, InputType type) {
  switch (type) {
    case InputType::query: return config.prompts.query;
    case InputType::passage: return config.prompts.passage;
    case InputType::unspecified: break;
  }
  return {};
}

Result<std::string> task_instruction(const model::ModelConfig& config, std::string_view task) {
  constexpr std::string_view kSlot = "{task}";
  std::string instruction = config.prompts.task_template;
  const size_t at = instruction.find(kSlot);
  if (at == std::string::npos) {
    return fail(Code::invalid_argument,
                fmt::format("this model ({}) was not trained with task instructions", config.family),
                "Leave the task out, or put any prefix in front with an instruction.");
  }
  instruction.replace(at, kSlot.size(), task);
  return instruction;
}

Result<TokenSequence> build_sequence(const text::Tokenizer& tokenizer, const model::ModelConfig& config,
                                     std::string_view text, std::string_view instruction, int64_t max_tokens,
                                     Truncate truncate) {
  LODE_ASSIGN(Layout layout, lay_out(tokenizer, config, text, instruction));
  const int64_t n = layout.n_prefix + static_cast<int64_t>(layout.content.size()) + layout.n_suffix;
  if (n > max_tokens) {
    if (truncate == Truncate::none) return too_long(n, max_tokens);
    LODE_TRY(cut(layout, max_tokens, truncate));
  }
  TokenSequence sequence;
  sequence.n_tokens_before_cut = static_cast<int32_t>(n);
  const auto prefix = tokenizer.template_prefix();
  const auto suffix = tokenizer.template_suffix();
  sequence.ids.reserve(prefix.size() + layout.content.size() + suffix.size());
  sequence.ids.insert(sequence.ids.end(), prefix.begin(), prefix.end());
  sequence.ids.insert(sequence.ids.end(), layout.content.begin(), layout.content.end());
  sequence.ids.insert(sequence.ids.end(), suffix.begin(), suffix.end());
  if (sequence.ids.empty()) {
    return fail(Code::invalid_argument, "the text has no tokens and the tokenizer adds none", "Give a text.");
  }
  const bool by_span = config.pooling == model::Pooling::mean || config.pooling == model::Pooling::latent_attention;
  if (!config.pool_instruction && by_span) {
    sequence.pool_begin = static_cast<int32_t>(layout.n_instruction);
    if (static_cast<size_t>(sequence.pool_begin) >= sequence.ids.size()) {
      return fail(
          Code::invalid_argument,
          fmt::format("nothing is left to pool: the sequence has {} tokens and the first {} are the instruction, "
                      "which this model does not pool",
                      sequence.ids.size(), sequence.pool_begin),
          "Raise the token limit or shorten the instruction.");
    }
  }
  return sequence;
}

Result<TokenSequence> sequence_of_ids(const text::Tokenizer& tokenizer, std::span<const int64_t> ids,
                                      int64_t max_tokens, Truncate truncate) {
  if (ids.empty()) return fail(Code::invalid_argument, "a list of token ids is empty", "Send at least one id.");
  const auto wrong = std::ranges::find_if(ids, [&](int64_t id) { return id < 0 || id >= tokenizer.vocab_size(); });
  if (wrong != ids.end()) {
    return fail(Code::invalid_argument,
                fmt::format("the token id {} is not in the vocabulary, which has ids from 0 to {}", *wrong,
                            tokenizer.vocab_size() - 1),
                "Send ids of this model's own tokenizer, or texts.");
  }
  const auto n = static_cast<int64_t>(ids.size());
  if (n > max_tokens) {
    if (truncate == Truncate::none) return too_long(n, max_tokens);
    const auto room = static_cast<size_t>(max_tokens);
    ids = truncate == Truncate::end ? ids.first(room) : ids.last(room);
  }
  TokenSequence sequence;
  sequence.ids.assign(ids.begin(), ids.end());
  sequence.n_tokens_before_cut = static_cast<int32_t>(std::min<int64_t>(n, std::numeric_limits<int32_t>::max()));
  return sequence;
}

}  // namespace lode::embed

#include "eval/encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "embed/packer.h"

namespace lode::eval {
namespace {

constexpr size_t kWindow = 4096;     // texts that are tokenised at a time
constexpr uint64_t kTokenBytes = 4;  // about what a token holds of English or code

}  // namespace

void normalise(std::span<float> vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  if (sum == 0) return;
  const double scale = 1 / std::sqrt(sum);
  for (float& x : vector) x = static_cast<float>(x * scale);
}

Result<std::vector<float>> Encoder::encode(std::span<const std::string> texts, const Prompt& prompt,
                                           const OnText& on_text) {
  const auto n_dims = static_cast<size_t>(dims());
  std::vector<float> out(texts.size() * n_dims);
  size_t n_done = 0;
  LODE_TRY(encode_each(texts, prompt, [&](const Encoded& encoded) -> Status {
    std::ranges::copy(encoded.vector, out.begin() + static_cast<ptrdiff_t>(encoded.text * n_dims));
    if (on_text && !on_text(++n_done, texts.size())) return fail(Code::cancelled, "interrupted");
    return {};
  }));
  return out;
}

Result<std::string> ModelEncoder::applied(const Prompt& prompt) const {
  const model::ModelConfig& config = embedder_.config();
  if (prompt.side == embed::InputType::query && !prompt.task.empty() && !config.prompts.task_template.empty()) {
    return embed::task_instruction(config, prompt.task);
  }
  return std::string(embed::default_instruction(config, prompt.side));
}

uint64_t ModelEncoder::weight(std::string_view text) const {
  return kTextWeight + std::min<uint64_t>(text.size(), kTokenBytes * static_cast<uint64_t>(embedder_.max_tokens()));
}

Status ModelEncoder::encode_each(std::span<const std::string> texts, const Prompt& prompt, const OnVector& on_vector) {
  LODE_ASSIGN(const std::string instruction, applied(prompt));
  const auto n_dims = static_cast<size_t>(dims());
  std::vector<float> pass;
  for (size_t begin = 0; begin < texts.size(); begin += kWindow) {
    const size_t n_texts = std::min(kWindow, texts.size() - begin);
    std::vector<embed::TokenSequence> sequences;
    sequences.reserve(n_texts);
    for (size_t i = begin; i < begin + n_texts; ++i) {
      auto sequence = embedder_.tokenize(texts[i], instruction, 0, embed::Truncate::end);
      if (!sequence) {
        Error error = std::move(sequence).error();
        error.message = fmt::format("text {}: {}", i, error.message);
        return std::unexpected(std::move(error));
      }
      sequences.push_back(std::move(*sequence));
    }
    std::vector<size_t> order(n_texts);
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return sequences[i].ids.size(); });
    std::vector<embed::TokenSequence> sorted;
    sorted.reserve(n_texts);
    for (const size_t i : order) sorted.push_back(std::move(sequences[i]));
    for (size_t first = 0; first < sorted.size();) {
      const std::span<const embed::TokenSequence> rest = std::span(sorted).subspan(first);
      const size_t n = embed::count_that_fit(rest, embedder_.max_batch_tokens());
      pass.resize(n * n_dims);
      LODE_TRY(embedder_.compute(rest.first(n), pass));
      for (size_t i = 0; i < n; ++i) {
        const std::span<float> row = std::span(pass).subspan(i * n_dims, n_dims);
        normalise(row);
        LODE_TRY(on_vector({.text = begin + order[first + i], .vector = row, .computed = true}));
      }
      first += n;
    }
  }
  return {};
}

}  // namespace lode::eval

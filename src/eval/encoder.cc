#include "eval/encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "embed/packer.h"

namespace lode::eval {
namespace {

void normalise(std::span<float> vector) {
  double sum = 0;
  for (const float x : vector) sum += static_cast<double>(x) * static_cast<double>(x);
  if (sum == 0) return;
  const double scale = 1 / std::sqrt(sum);
  for (float& x : vector) x = static_cast<float>(x * scale);
}

}  // namespace

Result<std::vector<float>> ModelEncoder::encode(std::span<const std::string> texts, const Prompt& prompt,
                                                const OnText& on_text) {
  const model::ModelConfig& config = embedder_.config();
  std::string instruction(embed::default_instruction(config, prompt.side));
  if (prompt.side == embed::InputType::query && !prompt.task.empty() && !config.prompts.task_template.empty()) {
    LODE_ASSIGN(instruction, embed::task_instruction(config, prompt.task));
  }
  std::vector<embed::TokenSequence> sequences;
  sequences.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    auto sequence = embedder_.tokenize(texts[i], instruction, 0, embed::Truncate::end);
    if (!sequence) {
      Error error = std::move(sequence).error();
      error.message = fmt::format("text {}: {}", i, error.message);
      return std::unexpected(std::move(error));
    }
    sequences.push_back(std::move(*sequence));
  }
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return sequences[i].ids.size(); });
  std::vector<embed::TokenSequence> sorted;
  sorted.reserve(order.size());
  for (const size_t i : order) sorted.push_back(std::move(sequences[i]));

  const auto n_dims = static_cast<size_t>(dims());
  std::vector<float> out(texts.size() * n_dims), pass;
  for (size_t first = 0; first < sorted.size();) {
    const std::span<const embed::TokenSequence> rest = std::span(sorted).subspan(first);
    const size_t n = embed::count_that_fit(rest, embedder_.max_batch_tokens());
    pass.resize(n * n_dims);
    LODE_TRY(embedder_.compute(rest.first(n), pass));
    for (size_t i = 0; i < n; ++i) {
      const std::span<float> row = std::span(out).subspan(order[first + i] * n_dims, n_dims);
      std::copy_n(pass.begin() + static_cast<ptrdiff_t>(i * n_dims), n_dims, row.begin());
      normalise(row);
    }
    first += n;
    if (on_text && !on_text(first, sorted.size())) return fail(Code::cancelled, "interrupted");
  }
  return out;
}

}  // namespace lode::eval

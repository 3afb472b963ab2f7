#include "apps/bench_texts.h"

#include <algorithm>

#include <fmt/format.h>

#include "apps/text_input.h"

namespace lode::apps {
namespace {

// Made-up English of about n tokens: common words, so that nearly each is one token.
std::string made_up_text(size_t n, uint32_t seed) {
  constexpr std::string_view kWords[] = {"the",    "search", "of",    "a",     "model", "with", "data",
                                         "and",    "time",   "code",  "that",  "is",    "used", "for",
                                         "many",   "new",    "small", "test",  "from",  "line", "work",
                                         "system", "large",  "text",  "query", "to",    "in",   "on"};
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    seed = seed * 1664525U + 1013904223U;
    text.append(i == 0 ? "" : " ").append(kWords[(seed >> 16) % std::size(kWords)]);
  }
  return text;
}

Result<std::vector<std::string>> read_texts(const std::string& file) {
  TextInput input({.files = {file}, .whole_files = false, .text_field = std::nullopt});
  std::vector<std::string> texts;
  while (true) {
    LODE_ASSIGN(auto row, input.next());
    if (!row) return texts;
    texts.push_back(std::move(row->text));
  }
}

}  // namespace

FloatingWork::FloatingWork(const model::ModelConfig& c) {
  const auto d = static_cast<double>(c.d_model);
  const double q = static_cast<double>(c.n_heads * c.head_dim);
  const double kv = static_cast<double>(c.n_kv_heads * c.head_dim);
  const double mlp = (c.architecture == model::Architecture::bert ? 2.0 : 3.0) * d * static_cast<double>(c.d_ff);
  per_token = 2 * static_cast<double>(c.n_layers) * (2 * d * q + 2 * d * kv + mlp);
  per_pair = 4 * static_cast<double>(c.n_layers) * q;
  if (c.pooling == model::Pooling::latent_attention) {
    per_token += 4 * d * static_cast<double>(c.n_cross_heads * c.n_latents) + 16 * d * d;
  }
}
double FloatingWork::of(const std::vector<embed::TokenSequence>& sequences) const {
  double total = 0;
  for (const auto& s : sequences) {
    total += of_length(static_cast<double>(s.ids.size()));
  }
  return total;
}

Result<BenchWorkload> bench_workload(const std::string& file, int64_t seq, const FloatingWork& work) {
  if (!file.empty()) {
    LODE_ASSIGN(auto texts, read_texts(file));
    if (texts.empty()) return fail(Code::invalid_argument, fmt::format("{} has no texts", file));
    std::vector<std::string> queries(texts.begin(),
                                     texts.begin() + static_cast<ptrdiff_t>(std::min<size_t>(texts.size(), 300)));
    return BenchWorkload{{{"embed", std::move(texts)}}, std::move(queries)};
  }
  const double budget = 60e9;
  const auto n_documents =
      static_cast<size_t>(std::clamp(budget / (work.per_token * static_cast<double>(seq)), 1.0, 200.0));
  BenchTexts documents{"embed documents", {}};
  BenchTexts short_texts{"embed short texts", {}};
  std::vector<std::string> queries;
  for (uint32_t i = 0; i < n_documents; ++i) documents.texts.push_back(made_up_text(static_cast<size_t>(seq), i));
  for (uint32_t i = 0; i < n_documents * 8; ++i) short_texts.texts.push_back(made_up_text(5 + i % 17, 1000 + i));
  for (uint32_t i = 0; i < std::min<size_t>(n_documents * 4, 200); ++i) {
    queries.push_back(made_up_text(4 + i % 8, 5000 + i));
  }
  return BenchWorkload{{std::move(documents), std::move(short_texts)}, std::move(queries)};
}

}  // namespace lode::apps

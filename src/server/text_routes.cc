#include "server/text_routes.h"

#include <chrono>
#include <cmath>
#include <iterator>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/float_text.h"
#include "base/json.h"
#include "server/embedding_request.h"
#include "server/embedding_response.h"
#include "server/text_request.h"

namespace lode::server {

namespace {

using embed::InputType;

// input_type, then the suffix of the model's name, then what the server takes a text for.
InputType type_of(InputType asked, const Models::Match& match, const RoutesOptions& options) {
  if (asked != InputType::unspecified) return asked;
  return match.input_type != InputType::unspecified ? match.input_type : options.default_input_type;
}

std::expected<void, ApiError> check_input_type(const EmbeddingRequest& request, const Models::Match& match) {
  const model::Prompts& prompts = match.model->service->config().prompts;
  const bool told = request.input_type != InputType::unspecified || match.input_type != InputType::unspecified;
  if (told || prompts.query == prompts.passage) return {};
  return std::unexpected(ApiError{
      .code = Code::invalid_argument,
      .message = "'input_type' parameter is required for asymmetric models",
      .hint = R"(Send "input_type": "query" or "passage", or the model's name with -query or -passage behind.)",
      .reason = "missing",
      .param = "input_type"});
}

// How many numbers of each vector are sent.
std::expected<int64_t, ApiError> chosen_dims(const EmbeddingRequest& request, int64_t dims,
                                             const RoutesOptions& options) {
  const int64_t asked = request.dimensions.value_or(dims);
  if (asked == dims || (options.allow_truncated_dims && asked > 0 && asked < dims)) return asked;
  const std::string expected =
      options.allow_truncated_dims
          ? fmt::format("Input should be from 1 to {}, the model's own", dims)
          : fmt::format("Input should be {}, the model's own (fewer where the server runs with --allow-truncated-dims)",
                        dims);
  return std::unexpected(schema_error(
      {.type = "value_error", .location = {"dimensions"}, .expected = expected, .seen = std::to_string(asked)}));
}

std::expected<Sequences, ApiError> sequences_of(const RouteCall& call, const EmbeddingRequest& request,
                                                const Models::Match& match) {
  const EmbeddingService& service = *match.model->service;
  Sequences sequences;
  if (!request.token_ids.empty()) {
    auto appended =
        append_sequences(service, request.token_ids, request.truncate, call.request.gone, call.exchange(), sequences);
    if (!appended) return std::unexpected(std::move(appended).error());
    return sequences;
  }
  const InputType type = type_of(request.input_type, match, call.options);
  const auto instruction = choose_instruction(service.config(), request.instruction, request.task, type);
  if (!instruction) return std::unexpected(instruction.error());
  auto appended = append_sequences(service, request.inputs, *instruction, request.truncate, "input", call.request.gone,
                                   call.exchange(), sequences);
  if (!appended) return std::unexpected(std::move(appended).error());
  return sequences;
}

// `n_rows` by the rest, row-major; -1 to 1 but for rounding, which is taken off.
std::vector<float> cosines(std::span<const float> vectors, size_t dims, size_t n_rows) {
  const size_t n = vectors.size() / dims;
  const auto vector = [&](size_t i) { return vectors.subspan(i * dims, dims); };
  const auto dot = [](std::span<const float> a, std::span<const float> b) {
    // Four sums: one alone waits for each addition.
    double sums[4] = {};
    for (size_t k = 0; k < a.size(); ++k) sums[k % 4] += static_cast<double>(a[k]) * b[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  };
  std::vector<double> norms(n);
  for (size_t i = 0; i < n; ++i) norms[i] = std::sqrt(dot(vector(i), vector(i)));
  std::vector<float> out;
  out.reserve(n_rows * (n - n_rows));
  for (size_t row = 0; row < n_rows; ++row) {
    for (size_t column = n_rows; column < n; ++column) {
      const double norm = norms[row] * norms[column];
      const double cosine = norm == 0 ? 0 : dot(vector(row), vector(column)) / norm;
      // A comparison with NaN is false: one stays in sight.
      out.push_back(static_cast<float>(cosine > 1 ? 1 : cosine < -1 ? -1 : cosine));
    }
  }
  return out;
}

void append_usage(std::string& out, int64_t n_tokens) {
  fmt::format_to(std::back_inserter(out), R"("usage":{{"prompt_tokens":{0},"total_tokens":{0}}})", n_tokens);
}

Result<std::string> similarity_body(std::span<const float> vectors, size_t dims, size_t n_queries,
                                    std::string_view model, int64_t n_tokens) {
  const std::vector<float> scores = cosines(vectors, dims, n_queries);
  std::string out = R"({"object":"similarity","model":)" + json::quote(model) + R"(,"scores":[)";
  const size_t n_passages = scores.size() / n_queries;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) return fail(Code::internal, "The model gave a value that is not finite");
    out += i % n_passages > 0 ? "," : i > 0 ? "],[" : "[";
    append_float(out, scores[i]);
  }
  out += "]],";
  append_usage(out, n_tokens);
  out += '}';
  return out;
}

std::string tokenize_body(const EmbeddingService& service, const Sequences& sequences, std::string_view model,
                          int64_t n_tokens) {
  std::string out = R"({"object":"list","model":)" + json::quote(model) + R"(,"data":[)";
  for (size_t i = 0; i < sequences.size(); ++i) {
    const embed::TokenSequence& sequence = sequences[i];
    fmt::format_to(std::back_inserter(out), R"({}{{"index":{},"ids":[{}],"pieces":[)", i > 0 ? "," : "", i,
                   fmt::join(sequence.ids, ","));
    for (size_t k = 0; k < sequence.ids.size(); ++k) {
      if (k > 0) out += ',';
      out += json::quote(service.piece(sequence.ids[k]));
    }
    fmt::format_to(std::back_inserter(out),
                   R"(],"n_tokens":{},"truncated":{},"n_tokens_before_truncation":{},"pool_begin":{}}})",
                   sequence.ids.size(), sequence.n_tokens_before_cut > std::ssize(sequence.ids),
                   sequence.n_tokens_before_cut, sequence.pool_begin);
  }
  out += "],";
  append_usage(out, n_tokens);
  out += '}';
  return out;
}

}  // namespace

void answer_embeddings(RouteCall call) {
  const RoutesOptions& options = call.options;
  const auto parsed = parse_embedding_request(call.request.body, {.strict_nim = options.strict_nim,
                                                                  .allow_dimensions = options.allow_truncated_dims,
                                                                  .accept_token_ids = options.accept_token_ids,
                                                                  .max_inputs = options.max_inputs});
  if (!parsed) return call.refuse(parsed.error());
  const auto match = find_model(call, parsed->model);
  if (!match) return call.refuse(match.error());
  if (options.strict_nim) {
    if (const auto checked = check_input_type(*parsed, *match); !checked) return call.refuse(checked.error());
  }
  const int64_t dims = match->model->service->dims();
  const auto wanted = chosen_dims(*parsed, dims, options);
  if (!wanted) return call.refuse(wanted.error());
  auto sequences = sequences_of(call, *parsed, *match);
  if (!sequences) return call.refuse(sequences.error());
  const VectorFormat format{parsed->encoding, parsed->element_type};
  const ServedModel& model = *match->model;
  const int64_t n_tokens = call.exchange().n_tokens;
  compute(std::move(call), model, std::move(*sequences),
          [&model, dims = static_cast<size_t>(dims), wanted = static_cast<size_t>(*wanted), format,
           n_tokens](embed::Computed computed) {
            if (wanted < dims) truncate_dims(computed.vectors, dims, wanted);
            return embedding_response(computed.vectors, wanted, format, model.id, n_tokens);
          });
}

void answer_tokenize(RouteCall call) {
  const auto parsed = parse_tokenize_request(call.request.body, call.options.max_inputs);
  if (!parsed) return call.refuse(parsed.error());
  const auto match = find_model(call, parsed->model);
  if (!match) return call.refuse(match.error());
  const EmbeddingService& service = *match->model->service;
  const InputType type = type_of(parsed->input_type, *match, call.options);
  const auto instruction = choose_instruction(service.config(), parsed->instruction, parsed->task, type);
  if (!instruction) return call.refuse(instruction.error());
  Sequences sequences;
  const auto appended = append_sequences(service, parsed->inputs, *instruction, parsed->truncate, "input",
                                         call.request.gone, call.exchange(), sequences);
  if (!appended) return call.refuse(appended.error());
  const auto begun = std::chrono::steady_clock::now();
  Response response{.body = tokenize_body(service, sequences, match->model->id, call.exchange().n_tokens)};
  call.exchange().format_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  add_counts(call.exchange(), response);
  call.answer(std::move(response));
}

void answer_similarity(RouteCall call) {
  const auto parsed = parse_similarity_request(call.request.body, call.options.max_inputs);
  if (!parsed) return call.refuse(parsed.error());
  const auto match = find_model(call, parsed->model);
  if (!match) return call.refuse(match.error());
  const ServedModel& model = *match->model;
  const model::ModelConfig& config = model.service->config();
  const auto of_queries = choose_instruction(config, parsed->query_instruction, parsed->task, InputType::query);
  if (!of_queries) return call.refuse(of_queries.error());
  const auto of_passages = choose_instruction(config, parsed->passage_instruction, {}, InputType::passage);
  if (!of_passages) return call.refuse(of_passages.error());
  Sequences sequences;
  for (const auto& [texts, instruction, param] : {std::tuple(&parsed->queries, &*of_queries, "queries"),
                                                  std::tuple(&parsed->passages, &*of_passages, "passages")}) {
    const auto appended = append_sequences(*model.service, *texts, *instruction, parsed->truncate, param,
                                           call.request.gone, call.exchange(), sequences);
    if (!appended) return call.refuse(appended.error());
  }
  const int64_t n_tokens = call.exchange().n_tokens;
  compute(std::move(call), model, std::move(sequences),
          [&model, n_queries = parsed->queries.size(), n_tokens](embed::Computed computed) {
            return similarity_body(computed.vectors, static_cast<size_t>(model.service->dims()), n_queries, model.id,
                                   n_tokens);
          });
}

}  // namespace lode::server

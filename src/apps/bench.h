// The parts of `lode bench`; each appends its rows.
#pragma once

#include <string>
#include <vector>

#include "apps/bench_report.h"
#include "apps/model_options.h"
#include "base/error.h"
#include "kernels/context.h"

namespace lode::apps {

struct BenchOptions {
  std::string what = "all";  // peaks, kernels, model or all
  ModelOptions model;
  std::vector<int64_t> batch_tokens = {128, 512};  // rows of the matrix products
  int64_t seq = 256;                               // tokens of a document
  std::string texts;                               // JSONL of texts to embed instead of made-up ones
  int repetitions = 5;
  std::vector<std::string> against;  // other engines, as parse_peer() reads them
  bool keep_disturbed = false;       // rounds that others disturbed count too
  std::string roofline;              // the picture's file
};

// Fused multiply-add peak and memory reads, with one thread and with all.
void bench_peaks(kernels::Context& context, const BenchOptions& options, std::vector<BenchRow>& rows);
// Matrix products on the shapes of the 7B models, and attention.
void bench_kernels(kernels::Context& context, const BenchOptions& options, std::vector<BenchRow>& rows);
// A loaded model from text to vector: documents, short texts, one query at a time.
Status bench_model(const BenchOptions& options, const Globals& globals, std::vector<BenchRow>& rows);
// The same beside other engines, in turn.
Status bench_against(const BenchOptions& options, const Globals& globals, std::vector<BenchRow>& rows);

}  // namespace lode::apps

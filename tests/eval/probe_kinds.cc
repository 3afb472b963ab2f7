#include "probe_kinds.h"

#include <cstdint>
#include <vector>

#include "eval/binary_scores.h"
#include "eval/correlation.h"
#include "eval/pair_scores.h"

using Json = nlohmann::json;
using namespace lode::eval;

std::optional<Json> probe_kinds(const std::string& what, const Json& in) {
  if (what == "p_value") return Json{{"p", correlation_p_value(in["r"].get<double>(), in["n"].get<size_t>())}};
  if (what == "pairs") {
    const auto first = in["first"].get<std::vector<float>>(), second = in["second"].get<std::vector<float>>();
    const PairScores out = compare_pairs(first, second, in["dims"].get<size_t>());
    return Json{{"cosine", out.cosine}, {"dot", out.dot}, {"euclidean", out.euclidean}, {"manhattan", out.manhattan}};
  }
  if (what == "whole_ties") {
    const auto scores = in["scores"].get<std::vector<double>>();
    const auto labels = in["labels"].get<std::vector<uint8_t>>();
    return Json{{"accuracy", best_accuracy(scores, labels, Ties::whole).value},
                {"f1", best_f1(scores, labels, Ties::whole).value}};
  }
  return std::nullopt;
}

// Attention of every path against double precision: lengths around the tile sizes, grouped heads, odd head sizes.
#include "kernels/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include <gtest/gtest.h>

#include "kernels/quantize.h"
#include "reference.h"

namespace lode::kernels {
namespace {

using testing::random_floats;

struct Case {
  AttentionShape shape;
  std::vector<int64_t> lengths;
  std::vector<int64_t> n_queries;  // of each sequence, its last ones
};

struct Packed {
  std::vector<AttentionSpan> spans;
  std::vector<float> q, k, v;
  int64_t ldq, ldkv;
};

Packed pack(std::mt19937& rng, const Case& c) {
  Packed p;
  int64_t keys = 0;
  int64_t queries = 0;
  for (size_t i = 0; i < c.lengths.size(); ++i) {
    p.spans.push_back({keys, c.lengths[i], queries, c.n_queries[i]});
    keys += c.lengths[i];
    queries += c.n_queries[i];
  }
  p.ldq = c.shape.n_heads * c.shape.head_dim + 3;
  p.ldkv = c.shape.n_kv_heads * c.shape.head_dim + 1;
  p.q = random_floats(rng, static_cast<size_t>(queries * p.ldq), -2, 2);
  p.k = random_floats(rng, static_cast<size_t>(keys * p.ldkv), -2, 2);
  p.v = random_floats(rng, static_cast<size_t>(keys * p.ldkv));
  return p;
}

// The nearest bfloats of x, as f32.
std::vector<float> as_bfloats(const std::vector<float>& x) {
  std::vector<uint16_t> stored(x.size());
  EXPECT_TRUE(quantize(x.data(), std::ssize(x), DType::bf16, reinterpret_cast<std::byte*>(stored.data())));
  std::vector<float> out;
  for (const uint16_t one : stored) out.push_back(static_cast<float>(testing::bfloat_value(one)));
  return out;
}

// Elements of at most 2 to numbers that neither 8 bits nor BF16 round: a head's are whole steps of a 127th of its
// first.
void to_steps(std::vector<float>& x, int64_t ld, int64_t head_dim) {
  constexpr float kStep = 0x1p-6F;
  for (float& element : x) element = std::clamp(std::nearbyint(element / kStep), -127.0F, 127.0F) * kStep;
  for (size_t row = 0; row < x.size(); row += static_cast<size_t>(ld)) {
    for (int64_t head = 0; head + head_dim <= ld; head += head_dim) x[row + static_cast<size_t>(head)] = 127 * kStep;
  }
}

class AttentionPrecision : public ::testing::TestWithParam<std::tuple<const Kernels*, AttentionRounding>> {
 protected:
  ThreadPool pool_{2};
  Context context_{*std::get<0>(GetParam()), pool_};
  std::mt19937 rng_{11};
};

std::string case_name(const ::testing::TestParamInfo<AttentionPrecision::ParamType>& of) {
  constexpr const char* kNames[] = {"", "_products_in_bf16", "_in_8_bits"};
  const auto& [kernels, rounding] = of.param;
  return std::string(name(kernels->isa)) + kNames[static_cast<size_t>(rounding)];
}

INSTANTIATE_TEST_SUITE_P(Paths, AttentionPrecision,
                         ::testing::Combine(::testing::ValuesIn(available().begin(), available().end()),
                                            ::testing::Values(AttentionRounding::none, AttentionRounding::bf16,
                                                              AttentionRounding::int8)),
                         case_name);

TEST_P(AttentionPrecision, AgreesWithDoublePrecision) {
  const AttentionRounding rounding = std::get<1>(GetParam());
  const std::vector<Case> cases = {
      {{4, 4, 32, false}, {1, 2, 15, 48, 49}, {1, 2, 15, 48, 49}},
      {{4, 2, 16, false}, {257, 3, 128, 127}, {257, 1, 128, 127}},
      {{6, 2, 20, true}, {300, 1, 31}, {300, 1, 31}},
      {{3, 3, 7, true}, {530, 40}, {1, 9}},
      {{2, 1, 130, false}, {260}, {52}},
  };
  for (Case c : cases) {
    c.shape.rounding = rounding;
    Packed p = pack(rng_, c);
    // Rounding these is exact, then.
    for (auto& [x, ld] : {std::pair{&p.q, p.ldq}, std::pair{&p.k, p.ldkv}, std::pair{&p.v, p.ldkv}}) {
      if (rounding == AttentionRounding::bf16) *x = as_bfloats(*x);
      if (rounding == AttentionRounding::int8) to_steps(*x, ld, c.shape.head_dim);
    }
    std::vector<float> out(p.q.size(), 7.0F);
    attention(context_, c.shape, p.spans, p.q.data(), p.ldq, p.k.data(), p.v.data(), p.ldkv, out.data(), p.ldq);
    for (const AttentionSpan& span : p.spans) {
      const bool in_8_bits =
          rounding == AttentionRounding::int8 && !c.shape.causal && span.n_keys >= kInt8AttentionKeys;
      double squares = 0, expected_squares = 0;
      for (int64_t i = 0; i < span.n_queries; ++i) {
        const int64_t position = span.n_keys - span.n_queries + i;
        const int64_t n_keys = c.shape.causal ? position + 1 : span.n_keys;
        for (int64_t head = 0; head < c.shape.n_heads; ++head) {
          const int64_t kv = head / (c.shape.n_heads / c.shape.n_kv_heads) * c.shape.head_dim + span.first_key * p.ldkv;
          const int64_t q = (span.first_query + i) * p.ldq + head * c.shape.head_dim;
          const auto weights =
              testing::attention_weights(p.q.data() + q, p.k.data() + kv, p.ldkv, n_keys, c.shape.head_dim);
          const double largest = std::ranges::max(weights);
          const std::vector<double> want = testing::weighed(weights, p.v.data() + kv, p.ldkv, c.shape.head_dim);
          for (int64_t d = 0; d < c.shape.head_dim; ++d) {
            double sizes = 0, value_squares = 0;
            for (int64_t j = 0; j < n_keys; ++j) {
              const double value = p.v[static_cast<size_t>(kv + j * p.ldkv + d)];
              sizes += std::fabs(value);
              value_squares += value * value;
            }
            // Values are at most 2; the largest error is the scores': their size is up to 4 sqrt(head_dim). Weights
            // in BF16 are off by a 512th of themselves, those of 8 bits by half a step, a 255th of the largest, and by
            // how close their exponentials are.
            const double bound = testing::kEps * (8 * std::sqrt(static_cast<double>(c.shape.head_dim)) * 8 + 64) +
                                 (in_8_bits                             ? sizes * largest * 0.532 / 255
                                  : rounding == AttentionRounding::none ? 0
                                                                        : 2 * 0x1.01p-9);
            const double error = out[static_cast<size_t>(q + d)] - want[static_cast<size_t>(d)];
            ASSERT_LE(std::fabs(error), bound) << "head " << head << " position " << position;
            squares += error * error;
            expected_squares += value_squares * largest * largest / (12.0 * 255 * 255);
          }
        }
      }
      if (in_8_bits) {
        EXPECT_LE(squares, 1.5 * expected_squares) << "more than what rounding at random is off by";
      }
    }
  }
}

// A softmax often gives most to a key whose values are next to nothing; what the others have to say counts all the
// more.
TEST_P(AttentionPrecision, AWeightCountsAsMuchAsItMovesTheResult) {
  constexpr int64_t kKeys = 300, kDim = 16;
  const AttentionShape shape = {1, 1, kDim, false, std::get<1>(GetParam())};
  std::vector<float> q(kDim, 0.0F), k(static_cast<size_t>(kKeys * kDim), 0.0F);
  std::vector<float> v = random_floats(rng_, k.size(), 0.5F, 1.0F);
  q[0] = 4.0F;
  k[0] = 12.0F;  // 12 above all others, whose weights are 6e-6 of it
  for (int64_t c = 0; c < kDim; ++c) v[static_cast<size_t>(c)] *= 1e-6F;
  std::fill_n(v.begin() + 5 * kDim, kDim, 0.0F);
  std::vector<float> out(kDim);
  const AttentionSpan span = {0, kKeys, 0, 1};
  attention(context_, shape, std::span(&span, 1), q.data(), kDim, k.data(), v.data(), kDim, out.data(), kDim);
  const auto want =
      testing::weighed(testing::attention_weights(q.data(), k.data(), kDim, kKeys, kDim), v.data(), kDim, kDim);
  for (size_t c = 0; c < out.size(); ++c) EXPECT_NEAR(out[c], want[c], 0.01 * want[c]);
}

// Thousands of weights that are each too small for a step of 8 bits are most of what a long text says.
TEST_P(AttentionPrecision, ManySmallWeightsAreNotLost) {
  constexpr int64_t kDim = 16;
  for (const auto& [n_keys, share] : {std::pair<int64_t, double>{512, 0.52}, {2048, 0.25}, {4096, 0.12}}) {
    const AttentionShape shape = {1, 1, kDim, false, std::get<1>(GetParam())};
    std::vector<float> q(kDim, 0.0F), k(static_cast<size_t>(n_keys * kDim), 0.0F);
    const std::vector<float> v = random_floats(rng_, k.size(), 0.0F, 1.0F);
    q[0] = 4.0F;
    k[7 * kDim] = static_cast<float>(std::log(share / (1 - share) * static_cast<double>(n_keys - 1)));
    std::vector<float> out(kDim);
    const AttentionSpan span = {0, n_keys, 0, 1};
    attention(context_, shape, std::span(&span, 1), q.data(), kDim, k.data(), v.data(), kDim, out.data(), kDim);
    const auto weights = testing::attention_weights(q.data(), k.data(), kDim, n_keys, kDim);
    ASSERT_NEAR(weights[7], share, 0.01);
    const auto want = testing::weighed(weights, v.data(), kDim, kDim);
    for (size_t c = 0; c < out.size(); ++c) EXPECT_NEAR(out[c], want[c], 0.02 * want[c]) << n_keys;
  }
}

TEST_P(AttentionPrecision, AValueThatIsNotFiniteIsNotLost) {
  constexpr int64_t kKeys = 200, kDim = 24;
  const AttentionShape shape = {1, 1, kDim, false, std::get<1>(GetParam())};
  const std::vector<float> q = random_floats(rng_, kDim);
  const std::vector<float> x = random_floats(rng_, static_cast<size_t>(kKeys * kDim));
  const AttentionSpan span = {0, kKeys, 0, 1};
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    std::vector<float> v = x, out(kDim);
    v[70 * kDim + 3] = bad;
    attention(context_, shape, std::span(&span, 1), q.data(), kDim, x.data(), v.data(), kDim, out.data(), kDim);
    EXPECT_FALSE(std::isfinite(out[3])) << bad;
  }
}

TEST_P(AttentionPrecision, ASequenceDoesNotSeeItsNeighbours) {
  const Case c = {{4, 2, 24, false, std::get<1>(GetParam())}, {70, 300, 5}, {70, 300, 5}};
  const Packed p = pack(rng_, c);
  std::vector<float> together(p.q.size());
  attention(context_, c.shape, p.spans, p.q.data(), p.ldq, p.k.data(), p.v.data(), p.ldkv, together.data(), p.ldq);
  ThreadPool one_thread(1);
  Context one(context_.kernels, one_thread);
  for (const AttentionSpan& span : p.spans) {
    std::vector<float> alone(p.q.size());
    attention(one, c.shape, std::span(&span, 1), p.q.data(), p.ldq, p.k.data(), p.v.data(), p.ldkv, alone.data(),
              p.ldq);
    for (int64_t i = span.first_query; i < span.first_query + span.n_queries; ++i) {
      EXPECT_EQ(0, std::memcmp(alone.data() + i * p.ldq, together.data() + i * p.ldq, 4 * 24 * sizeof(float)));
    }
  }
}

TEST_P(AttentionPrecision, AsksForFewerQueriesGivesTheSameBits) {
  const Case c = {{4, 2, 24, true, std::get<1>(GetParam())}, {200}, {200}};
  const Packed p = pack(rng_, c);
  std::vector<float> all(p.q.size());
  attention(context_, c.shape, p.spans, p.q.data(), p.ldq, p.k.data(), p.v.data(), p.ldkv, all.data(), p.ldq);
  const AttentionSpan last = {0, 200, 0, 1};
  std::vector<float> one(static_cast<size_t>(p.ldq));
  attention(context_, c.shape, std::span(&last, 1), p.q.data() + 199 * p.ldq, p.ldq, p.k.data(), p.v.data(), p.ldkv,
            one.data(), p.ldq);
  EXPECT_EQ(0, std::memcmp(one.data(), all.data() + 199 * p.ldq, 4 * 24 * sizeof(float)));
}

TEST_P(AttentionPrecision, LargeScoresDoNotOverflow) {
  const AttentionShape shape = {1, 1, 16, false, std::get<1>(GetParam())};
  std::vector<float> q(16, 300.0F);
  std::vector<float> k(static_cast<size_t>(600 * 16), 0.0F);
  std::fill_n(k.begin() + 599 * 16, 16, 300.0F);  // the last key, past the first block, takes it all
  std::vector<float> v(k.size(), -1.0F);
  std::fill_n(v.begin() + 599 * 16, 16, 5.0F);
  std::vector<float> out(16);
  const AttentionSpan span = {0, 600, 0, 1};
  attention(context_, shape, std::span(&span, 1), q.data(), 16, k.data(), v.data(), 16, out.data(), 16);
  for (const float x : out) EXPECT_EQ(x, 5.0F);
}

}  // namespace
}  // namespace lode::kernels

// One computation of the kernels, for callgrind to count its instructions: instruction_counts CASE. Without a case,
// their names. One thread, the path that LODE_ISA names; inputs are always the same. tests/e2e/test_instructions.py
// runs it.
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/attention.h"
#include "kernels/gemm.h"

namespace lode::kernels {
namespace {

// Numbers of ordinary size without a generator's instructions.
std::vector<float> numbers(size_t n) {
  std::vector<float> out(n);
  uint32_t state = 12345;
  for (float& x : out) {
    state = state * 1664525U + 1013904223U;
    x = static_cast<float>(state >> 8) * 0x1p-23F - 1;
  }
  return out;
}

// The shape of a layer of the default model over a short batch, and a row count that is no multiple of a tile.
constexpr int64_t kRows = 53, kIn = 384, kOut = 480;

struct Inputs {
  std::vector<float> a = numbers(static_cast<size_t>(kRows * kIn));
  std::vector<float> w = numbers(static_cast<size_t>(kOut * kIn));
  std::vector<float> c = std::vector<float>(static_cast<size_t>(kRows * kOut));
  std::vector<float> bias = numbers(static_cast<size_t>(kOut));
  ThreadPool pool{1};
  Context context;

  explicit Inputs(const Kernels& path) : context(path, pool) {}
  [[nodiscard]] MatrixView view() const {
    return {reinterpret_cast<const std::byte*>(w.data()), DType::f32, kOut, kIn, kIn};
  }
};

using Case = std::function<void()>;

Case product(Inputs& in, Weight weight) {
  auto kept = std::make_shared<Weight>(std::move(weight));
  return [&in, kept] {
    gemm(in.context, in.a.data(), kIn, kRows, *kept, in.c.data(), kOut, {.bias = in.bias.data(), .gelu = true});
  };
}

Case attention_of(Inputs& in, AttentionRounding rounding, int64_t n_rows) {
  struct Rows {
    std::vector<float> in, out;
  };
  const auto size = static_cast<size_t>(n_rows * kIn);
  const auto rows = std::make_shared<Rows>(Rows{numbers(size), std::vector<float>(size)});
  return [&in, rounding, n_rows, rows] {
    const AttentionShape shape = {6, 2, 32, false, rounding};  // queries [.., 192], keys and values [.., 64] each
    const AttentionSpan span = {0, n_rows, 0, n_rows};
    const float* const q = rows->in.data();
    attention(in.context, shape, std::span(&span, 1), q, kIn, q + 192, q + 256, kIn, rows->out.data(), kIn);
  };
}

std::map<std::string, Case> cases(Inputs& in) {
  const MatrixView view = in.view();
  const std::span<const MatrixView> parts(&view, 1);
  std::map<std::string, Case> out;
  out["product f32"] = product(in, Weight::packed(in.context, parts));
  out["product f32 in place"] = product(in, Weight::in_place(parts));
  out["product bf16"] = product(in, Weight::bf16(in.context, parts));
  out["product int8"] = product(in, Weight::rounded(in.context, {Bits::eight, true}, parts));
  out["product int4"] = product(in, Weight::rounded(in.context, {Bits::four, true}, parts));
  out["attention f32"] = attention_of(in, AttentionRounding::none, kRows);
  out["attention bf16"] = attention_of(in, AttentionRounding::bf16, kRows);
  out["attention int8"] = attention_of(in, AttentionRounding::int8, kInt8AttentionKeys);
  out["layer norm"] = [&in] {
    for (int64_t row = 0; row < kRows; ++row) {
      float* const x = in.a.data() + row * kIn;
      in.context.kernels.layer_norm(x, in.bias.data(), in.bias.data(), kIn, 1e-12F, x);
    }
  };
  out["rotation"] = [&in] {
    for (int64_t row = 0; row < kRows; ++row) {
      in.context.kernels.int8.rotate(in.a.data() + row * kIn, kIn, in.c.data());
    }
  };
  return out;
}

}  // namespace
}  // namespace lode::kernels

// What callgrind's --toggle-collect names.
extern "C" [[gnu::noinline]] void counted_case(const std::function<void()>& body) {
  body();
  asm volatile("");  // no tail call: the function is left when the case is over
}

int main(int argc, char** argv) {
  const auto path = lode::kernels::select();
  if (!path) return std::fprintf(stderr, "%s\n", path.error().line().c_str()), 2;
  lode::kernels::Inputs inputs(**path);
  const auto all = lode::kernels::cases(inputs);
  if (argc < 2) {
    for (const auto& [name, body] : all) std::printf("%s\n", name.c_str());
    return 0;
  }
  const auto found = all.find(argv[1]);
  if (found == all.end()) return std::fprintf(stderr, "no case \"%s\"\n", argv[1]), 2;
  found->second();  // scratch memory and pages, once
  counted_case(found->second);
}

#include "apps/tensor_writer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include <fmt/format.h>

#include "apps/command.h"
#include "kernels/gemm.h"
#include "kernels/quantize.h"
#include "weights/safetensors.h"

namespace lode::apps {
namespace {

using kernels::DType;

constexpr int64_t kChunkElements = int64_t{1} << 22;

// The row that comes at place `at` of an interleaved output: neighbours there are half a head apart.
int64_t turned(int64_t at, int64_t head_dim) {
  if (head_dim == 0) return at;
  const int64_t in_head = at % head_dim;
  return at - in_head + in_head % 2 * (head_dim / 2) + in_head / 2;
}

// Whether n floating-point numbers of this width are all finite: no exponent is all ones. In blocks of a fixed length,
// which the compiler makes vectors of.
template <class Bits, Bits kExponent>
bool all_finite(const std::byte* numbers, int64_t n) {
  constexpr int64_t kBlock = 64;
  std::array<Bits, kBlock> block{};
  for (int64_t first = 0; first < n; first += kBlock) {
    const int64_t length = std::min(kBlock, n - first);
    if (length < kBlock) block.fill(0);
    std::memcpy(block.data(), numbers + first * sizeof(Bits), static_cast<size_t>(length) * sizeof(Bits));
    Bits bad = 0;
    for (const Bits bits : block) bad |= static_cast<Bits>((bits & kExponent) == kExponent);
    if (bad != 0) return false;
  }
  return true;
}

bool all_finite(const std::vector<float>& row) {
  return all_finite<uint32_t, 0x7F800000U>(reinterpret_cast<const std::byte*>(row.data()), std::ssize(row));
}

}  // namespace

// Whether what a row stands for is finite. `unpacked` is room for a row of a blocked type.
bool TensorWriter::is_finite(const std::byte* row, DType dtype, int64_t columns, std::vector<float>& unpacked) const {
  switch (dtype) {
    case DType::f32: return all_finite<uint32_t, 0x7F800000U>(row, columns);
    case DType::f16: return all_finite<uint16_t, 0x7C00U>(row, columns);
    case DType::bf16: return all_finite<uint16_t, 0x7F80U>(row, columns);
    default: break;
  }
  unpacked.resize(static_cast<size_t>(columns));
  kernels_.to_f32(row, dtype, columns, unpacked.data());
  return all_finite(unpacked);
}

Status TensorWriter::write(const OutgoingTensor& outgoing) {
  const weights::Tensor& tensor = *outgoing.tensor;
  const int64_t columns = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (tensor.n_elements() == 0) return {};
  const kernels::MatrixView view{tensor.data, tensor.dtype, tensor.n_elements() / columns,
                                 columns,     columns,      tensor.interleaved};
  const auto in_bytes = static_cast<size_t>(row_bytes(view.dtype, columns));
  const auto out_bytes = static_cast<size_t>(row_bytes(outgoing.dtype, columns));
  const int64_t rows_at_once = std::max<int64_t>(1, kChunkElements / columns);
  rows_.resize(static_cast<size_t>(pool_.n_threads()));
  for (int64_t first = 0; first < view.rows; first += rows_at_once) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    const int64_t n = std::min(rows_at_once, view.rows - first);
    chunk_.resize(static_cast<size_t>(n) * out_bytes);
    std::atomic<bool> fits = true;
    std::atomic<bool> finite = true;
    pool_.for_each(static_cast<size_t>(n), [&](size_t i, int worker) {
      const std::byte* const source = view.row(turned(first + static_cast<int64_t>(i), outgoing.interleaved));
      std::byte* const out = chunk_.data() + i * out_bytes;
      std::vector<float>& row = rows_[static_cast<size_t>(worker)];
      if (view.dtype == outgoing.dtype) {
        if (!is_finite(source, view.dtype, columns, row)) finite = false;
        std::copy_n(source, in_bytes, out);
        return;
      }
      row.resize(static_cast<size_t>(columns));
      kernels_.to_f32(source, view.dtype, columns, row.data());
      if (kernels::quantize(row.data(), columns, outgoing.dtype, out)) return;
      (all_finite(row) ? fits : finite) = false;
    });
    if (!finite) {
      return fail(Code::unsupported,
                  fmt::format("tensor {} holds numbers that are not finite", weights::shown(tensor.name)),
                  "The weights may be damaged: compare their checksums with the published ones.");
    }
    if (!fits) {
      return fail(Code::unsupported,
                  fmt::format("tensor {} holds numbers too large for {}", weights::shown(tensor.name),
                              kernels::name(outgoing.dtype)),
                  "Choose f32 or bf16.");
    }
    LODE_TRY(file_.write(chunk_.data(), chunk_.size()));
    progress_.add(chunk_.size());
    // Of rows that are turned the chunk's neighbours read some again; they come back then.
    checkpoint_.release(tensor, static_cast<size_t>(first) * in_bytes, static_cast<size_t>(n) * in_bytes);
  }
  return {};
}

}  // namespace lode::apps

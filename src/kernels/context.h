// What a computation runs on: one kernel path, one thread pool, and scratch memory for each of its workers. Passed by
// reference; one computation at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "kernels/buffer.h"
#include "kernels/cpu.h"

namespace lode::kernels {

struct Context {
  Context(const Kernels& path, ThreadPool& threads)
      : kernels(path), pool(threads), scratch(static_cast<size_t>(threads.n_threads())) {}

  const Kernels& kernels;
  ThreadPool& pool;
  std::vector<Buffer<float>> scratch;  // [n_threads], each worker's own, reused by every call
  Buffer<float> rows;                  // of a product in f32 whose rows are made
  Buffer<std::byte> rounded;           // the rows of a product in BF16 or 8 bits, rounded, and their scales
  Buffer<float> rounded_scales;
  Buffer<float> gated;  // of a gated product whose halves are no whole panels
};

}  // namespace lode::kernels

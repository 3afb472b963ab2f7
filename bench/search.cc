// A round of exact search for each line on stdin, timed by search_beside_numpy.py:
//   search QUERIES.f32 DOCUMENTS.f32 DIMS K THREADS    raw f32, row-major
// Prints one JSON object a round: seconds of the wall clock and of all CPUs, and the first 20 documents of the first
// and the last query.
//   search --blocks QUERIES DOCUMENTS DIMS K THREADS
// searches as many made-up documents as asked, 8,192 at a time, and prints the peak of resident memory.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include "base/parallel.h"
#include "eval/exact_search.h"
#include "kernels/cpu.h"

namespace {

std::vector<float> read_floats(const char* path) {
  std::vector<float> out(std::filesystem::file_size(path) / sizeof(float));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size() * sizeof(float)));
  return out;
}

double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

int64_t argument(char** argv, int i) {
  return std::atoll(argv[i]);
}

// As `lode eval` does with vectors that a model gives.
void search_blocks(int64_t n_queries, int64_t n_documents, int64_t dims, size_t k, lode::kernels::Context& context) {
  constexpr int64_t kBlock = 8192;
  std::minstd_rand random(1);
  const auto fill = [&](std::vector<float>& vectors) {
    for (float& x : vectors) x = static_cast<float>(random()) / 2147483648.0F - 0.5F;
  };
  std::vector<float> vectors(static_cast<size_t>(n_queries * dims));
  fill(vectors);
  std::vector<std::string> ids;
  for (int64_t d = 0; d < n_documents; ++d) ids.push_back(fmt::format("{:09}", d));
  const lode::eval::IdOrder order(ids);
  lode::eval::ExactSearch search(context, vectors, dims, order, k);
  for (int64_t begin = 0; begin < n_documents; begin += kBlock) {
    vectors.resize(static_cast<size_t>(std::min(kBlock, n_documents - begin) * dims));
    fill(vectors);
    search.add(vectors);
  }
  const auto found = search.finish();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  fmt::print("{{\"found\": {}, \"peak_mb\": {:.1f}, \"vectors_mb\": {:.1f}}}\n", found.size(),
             static_cast<double>(usage.ru_maxrss) / 1024, static_cast<double>(n_documents * dims) * 4 / 1048576);
}

}  // namespace

int main(int argc, char** argv) {
  const bool in_blocks = argc == 7 && std::string_view(argv[1]) == "--blocks";
  if (argc != 6 && !in_blocks) {
    fmt::print(stderr, "search [--blocks] QUERIES DOCUMENTS DIMS K THREADS\n");
    return 2;
  }
  const auto path = lode::kernels::select();
  if (!path) return 1;
  lode::ThreadPool pool(static_cast<int>(argument(argv, argc - 1)));
  lode::kernels::Context context(**path, pool);
  if (in_blocks) {
    search_blocks(argument(argv, 2), argument(argv, 3), argument(argv, 4), static_cast<size_t>(argument(argv, 5)),
                  context);
    return 0;
  }
  const std::vector<float> queries = read_floats(argv[1]), documents = read_floats(argv[2]);
  const int64_t dims = argument(argv, 3);
  const auto k = static_cast<size_t>(argument(argv, 4));
  std::vector<std::string> ids;
  for (size_t d = 0; d < documents.size() / static_cast<size_t>(dims); ++d) ids.push_back(fmt::format("{:09}", d));
  for (std::string line; std::getline(std::cin, line);) {
    const auto begun = std::chrono::steady_clock::now();
    const double cpu = cpu_seconds();
    const auto found = lode::eval::exact_search(context, queries, documents, dims, ids, k);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::vector<uint32_t> first;
    for (const size_t q : {size_t{0}, found.size() - 1}) {
      for (size_t i = 0; i < 20; ++i) first.push_back(found[q].at(i).document);
    }
    fmt::print("{{\"seconds\": {:.4f}, \"cpu\": {:.4f}, \"first\": [{}]}}\n", seconds, cpu_seconds() - cpu,
               fmt::join(first, ", "));
    std::fflush(stdout);
  }
  return 0;
}

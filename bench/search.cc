// A round of exact search for each line on stdin, timed by search_beside_numpy.py:
//   search QUERIES.f32 DOCUMENTS.f32 DIMS K THREADS    raw f32, row-major
// Prints one JSON object a round: seconds of the wall clock and of all CPUs, and the first 20 documents of the first
// and the last query.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "search QUERIES.f32 DOCUMENTS.f32 DIMS K THREADS\n");
    return 2;
  }
  const std::vector<float> queries = read_floats(argv[1]), documents = read_floats(argv[2]);
  const int64_t dims = std::atoll(argv[3]);
  const auto k = static_cast<size_t>(std::atoll(argv[4]));
  std::vector<std::string> ids;
  for (size_t d = 0; d < documents.size() / static_cast<size_t>(dims); ++d) ids.push_back(fmt::format("{:09}", d));
  const auto path = lode::kernels::select();
  if (!path) return 1;
  lode::ThreadPool pool(std::atoi(argv[5]));
  lode::kernels::Context context(**path, pool);
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

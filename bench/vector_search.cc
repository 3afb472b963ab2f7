// A query against many vectors: by the graph and by looking at all of them, both as lode search does.
//   vector_search FOLDER N_ROWS [N_THREADS [FILE...]]
// FOLDER is where the files go; it is made, and stays. Rows are synthetic, or those of FILEs, float32 of 384 components
// (`vectors` of a vector cache), as many as there are. Queries are rows that were left out. Prints lines of figures;
// recall is that of the 10 nearest by the exact floats.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/parallel.h"
#include "search/content_hash.h"
#include "search/vector_file.h"
#include "search/vector_graph.h"
#include "search/vector_scan.h"

namespace {

namespace fs = std::filesystem;
namespace ls = lode::search;

constexpr size_t kDims = 384;
constexpr size_t kQueries = 500;
constexpr size_t kK = 10;
constexpr size_t kChunksAFile = 10;
constexpr std::string_view kIdentity = "bench";

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of this thread or of all: says more than the clock where others use the machine.
double cpu_seconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class T>
T got(lode::Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().line());
  std::exit(1);
}

void normalize(std::span<float> row) {
  const float norm = std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0F));
  for (float& x : row) x /= norm > 0 ? norm : 1;
}

// Points around 2,000 centres in 32 dimensions, laid into 384 by a random map, with a little noise: neighbours within a
// cluster differ in some tens of directions, as those of texts do.
std::vector<float> synthetic(size_t n) {
  constexpr size_t kLatent = 32, kCentres = 2000;
  std::mt19937_64 random(20260101);
  std::normal_distribution<float> normal;
  std::vector<float> map(kLatent * kDims), centres(kCentres * kLatent), out(n * kDims);
  for (float& x : map) x = normal(random);
  for (float& x : centres) x = normal(random);
  std::vector<float> latent(kLatent);
  for (size_t i = 0; i < n; ++i) {
    const float* const centre = centres.data() + (random() % kCentres) * kLatent;
    for (size_t j = 0; j < kLatent; ++j) latent[j] = centre[j] + 0.6F * normal(random);
    float* const row = out.data() + i * kDims;
    for (size_t j = 0; j < kDims; ++j) row[j] = 0.3F * normal(random);
    for (size_t k = 0; k < kLatent; ++k) {
      for (size_t j = 0; j < kDims; ++j) row[j] += latent[k] * map[k * kDims + j];
    }
    normalize({row, kDims});
  }
  return out;
}

std::vector<float> read_rows(const std::vector<std::string>& files) {
  std::vector<float> out;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const size_t n = bytes.size() / (kDims * sizeof(float)) * kDims, begin = out.size();
    out.resize(begin + n);
    std::memcpy(out.data() + begin, bytes.data(), n * sizeof(float));
  }
  // In no order, each once.
  std::vector<size_t> order(out.size() / kDims);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::shuffle(order, std::mt19937_64(1));
  std::vector<ls::ContentHash> seen;
  std::vector<float> shuffled;
  for (const size_t i : order) {
    const std::span<const float> row = std::span(out).subspan(i * kDims, kDims);
    seen.push_back(ls::content_hash({reinterpret_cast<const char*>(row.data()), row.size_bytes()}));
  }
  std::vector<size_t> places(order.size());
  std::iota(places.begin(), places.end(), size_t{0});
  std::ranges::sort(places, {}, [&](size_t i) { return std::pair(seen[i], i); });
  places.erase(std::unique(places.begin(), places.end(), [&](size_t a, size_t b) { return seen[a] == seen[b]; }),
               places.end());
  std::ranges::sort(places);
  for (const size_t place : places) {
    const auto row = out.begin() + static_cast<ptrdiff_t>(order[place] * kDims);
    shuffled.insert(shuffled.end(), row, row + kDims);
  }
  return shuffled;
}

size_t anonymous_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stoul(line.substr(8));
  }
  return 0;
}

std::vector<uint32_t> best(std::span<const float> scores) {
  std::vector<uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::partial_sort(order, order.begin() + kK, [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  order.resize(kK);
  return order;
}

struct Side {
  std::vector<double> ms, cpu_ms;
  size_t n_right = 0;

  void count(const std::function<std::vector<float>()>& search, const std::vector<uint32_t>& right) {
    const auto start = std::chrono::steady_clock::now();
    const double cpu_start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    const std::vector<float> cosines = search();
    cpu_ms.push_back(1000 * (cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - cpu_start));
    ms.push_back(1000 * seconds_since(start));
    for (const uint32_t one : best(cosines)) n_right += std::ranges::find(right, one) != right.end() ? 1 : 0;
  }
  void print(std::string_view name) {
    std::ranges::sort(ms);
    std::ranges::sort(cpu_ms);
    fmt::print("{:<6} p50 {:.2f} ms, p99 {:.2f} ms, of the CPU {:.2f} and {:.2f} ms, recall@{} {:.4f}\n", name,
               ms[ms.size() / 2], ms[ms.size() * 99 / 100], cpu_ms[ms.size() / 2], cpu_ms[ms.size() * 99 / 100], kK,
               static_cast<double>(n_right) / static_cast<double>(kK * ms.size()));
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "vector_search FOLDER N_ROWS [N_THREADS [FILE...]]\n");
    return 2;
  }
  const fs::path folder = argv[1];
  fs::create_directories(folder);
  std::vector<float> all = argc > 4 ? read_rows({argv + 4, argv + argc}) : synthetic(std::stoul(argv[2]) + kQueries);
  const std::vector<float> queries(all.end() - kQueries * kDims, all.end());
  all.resize(all.size() - kQueries * kDims);
  const size_t n_files = all.size() / kDims / kChunksAFile, n_rows = n_files * kChunksAFile;

  std::vector<ls::BlockKey> blocks;
  std::vector<uint32_t> first_chunks;
  auto writing = got(ls::VectorFile::open(folder, kIdentity, kDims));
  for (size_t file = 0; file < n_files; ++file) {
    blocks.push_back(ls::block_key(ls::content_hash(fmt::format("{} {}", n_rows, file)), ""));
    first_chunks.push_back(static_cast<uint32_t>(file * kChunksAFile));
    if (writing.n_rows(blocks.back()) == kChunksAFile) continue;
    std::vector<lode::index::VectorKey> keys;
    for (size_t i = 0; i < kChunksAFile; ++i) keys.push_back({.low = file * kChunksAFile + i});
    const auto rows = std::span(all).subspan(file * kChunksAFile * kDims, kChunksAFile * kDims);
    if (!writing.append(blocks.back(), keys, rows)) return 1;
  }
  first_chunks.push_back(static_cast<uint32_t>(n_rows));

  const size_t before_kb = anonymous_kb();
  size_t most_kb = before_kb;
  ls::GraphBuilding building{.n_threads = argc > 3 ? std::stoi(argv[3]) : lode::available_cores()};
  building.progress = [&](size_t, size_t) { most_kb = std::max(most_kb, anonymous_kb()); };
  auto start = std::chrono::steady_clock::now();
  const double cpu_start = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
  const size_t n_added = got(ls::update_vector_graph(folder, kIdentity, kDims, building));
  const double build_s = seconds_since(start);
  const double build_cpu_s = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
  const auto file = std::make_shared<ls::VectorFile>(got(ls::VectorFile::open(folder, kIdentity, kDims)));
  start = std::chrono::steady_clock::now();
  const double open_cpu_start = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
  const auto graph = ls::VectorGraph::open(folder, kIdentity, file);
  const double open_s = seconds_since(start), open_cpu_s = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - open_cpu_start;
  if (graph == nullptr) {
    fmt::print(stderr, "there is no graph\n");
    return 1;
  }
  const auto megabytes = [](const fs::path& path) { return static_cast<double>(fs::file_size(path)) / 1e6; };
  fmt::print("{} rows: graph of {} more in {:.1f} s ({:.1f} s of the CPU) with {} threads and {} MB of memory\n",
             n_rows, n_added, build_s, build_cpu_s, building.n_threads, (most_kb - before_kb) / 1024);
  fmt::print("graph {:.1f} MB, vectors {:.1f} MB; checked and opened in {:.1f} ms, {:.1f} ms of the CPU\n",
             megabytes(ls::VectorGraph::path_in(folder, kIdentity)),
             megabytes(ls::VectorFile::path_in(folder, kIdentity)), 1000 * open_s, 1000 * open_cpu_s);
  const auto exact = [&](const lode::index::VectorKey& key, std::span<float> row) {
    std::copy_n(all.begin() + static_cast<ptrdiff_t>(key.low * kDims), kDims, row.begin());
    return true;
  };
  auto scan = ls::VectorScan::over(blocks, first_chunks, file, exact, graph, {.most_scanned = 1000});
  auto whole = ls::VectorScan::over(blocks, first_chunks, file, exact);
  lode::ThreadPool pool(building.n_threads);
  Side by_graph, by_all;
  std::vector<float> right(n_rows);
  for (size_t i = 0; i < kQueries; ++i) {
    const std::span<const float> query = std::span(queries).subspan(i * kDims, kDims);
    pool.for_each(n_files, [&](size_t file_number, int) {
      for (size_t row = file_number * kChunksAFile; row < (file_number + 1) * kChunksAFile; ++row) {
        right[row] = std::inner_product(query.begin(), query.end(), all.data() + row * kDims, 0.0F);
      }
    });
    const std::vector<uint32_t> nearest = best(right);
    by_graph.count([&] { return scan.cosines(query, {.n_nearest = 200}).by_chunk; }, nearest);
    // Of all it is always the same time.
    if (i % 10 == 0) by_all.count([&] { return whole.cosines(query); }, nearest);
  }
  by_graph.print("graph");
  by_all.print("all");
  return 0;
}

// A graph (HNSW, Malkov and Yashunin 2016, as usearch builds it) over the rows of an index's vector file, by which the
// nearest ones to a query are found without looking at all. It holds no vectors: it names rows by their numbers, and
// products are taken of the file's own 8-bit rows. It may be of the file's first rows only; who searches looks at the
// rest, and at the exact vectors of what it finds. A graph that is not of the file any more (it was written anew), is
// damaged or of another format is as good as none. Built without usearch there are none. A graph serves any number of
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "search/vector_file.h"

namespace lode::search {

// From when on there is a graph, and how far behind its file it may be. Tests lower them.
struct GraphLimits {
  size_t most_scanned = 200'000;  // of so many candidates or fewer all are looked at
  size_t most_behind = 20'000;    // rows that a graph may lack until it is extended
};

// 8-bit components and what they are to be multiplied with, as VectorRow has them.
struct RoundedQuery {
  std::vector<int8_t> components;
  float scale = 0;
};
RoundedQuery rounded(std::span<const float> vector);
// Of a query and a row, or of two rows; -4 to 4 whatever the file holds.
float rounded_cosine(const int8_t* a, float scale_a, const int8_t* b, float scale_b, size_t n_dims);

class VectorGraph {
 public:
  // Whether lode was built with usearch.
  static bool is_available();
  static std::filesystem::path path_in(const std::filesystem::path& index, std::string_view identity);
  // Null where there is none of this file. Costs a pass over the graph's file, in which it is checked.
  static std::shared_ptr<const VectorGraph> open(const std::filesystem::path& index, std::string_view identity,
                                                 std::shared_ptr<const VectorFile> file);
  ~VectorGraph();

  // It knows the rows with numbers below this.
  [[nodiscard]] size_t n_rows() const;
  // Up to n rows that are wanted, nearest first by the rounded cosine, found as far as the graph leads there. With few
  // of many wanted it comes to look at all. query: [dims].
  [[nodiscard]] std::vector<uint32_t> nearest(const RoundedQuery& query, size_t n,
                                              const std::function<bool(uint32_t row)>& is_wanted) const;

 private:
  struct Impl;
  explicit VectorGraph(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct GraphBuilding {
  size_t most_behind = GraphLimits{}.most_behind;
  int n_threads = 1;
  std::function<bool()> stopped = [] { return false; };
  std::function<void(size_t n_done, size_t n_rows)> progress = [](size_t, size_t) {};
  // Runs what writes the file, with the writer's lock held: by whoever does not hold it all the time.
  std::function<Status(const std::function<Status()>& write)> locked = [](const auto& write) { return write(); };
};

// Makes the graph of an index's vectors, or adds the rows that it lacks if those are more than it may be behind. Keeps
// what it has in between, and when it is stopped, for the next one. Memory: some 200 bytes a row. -> rows added; 0
// without usearch. Errors: those of the files; cancelled.
Result<size_t> update_vector_graph(const std::filesystem::path& index, std::string_view identity, int64_t n_dims,
                                   const GraphBuilding& building);

}  // namespace lode::search

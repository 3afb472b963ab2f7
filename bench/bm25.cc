// BM25 as `lode eval` runs it, a round for each line on stdin, timed by bm25_beside_bm25s.py:
//   bm25 DOCUMENTS.jsonl QUERIES.jsonl K    rows with "text"
// Prints one JSON object a round: seconds from texts to index and from queries to rankings, on the wall clock and of
// CPU, and how many documents were found.
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "eval/bm25_search.h"
#include "eval/jsonl.h"

namespace {

using lode::Status;

std::vector<std::string> read_texts(const char* path) {
  std::vector<std::string> out;
  const Status status = lode::eval::each_row(path, [&](const lode::eval::Row& row) -> Status {
    LODE_ASSIGN(out.emplace_back(), row.text("text"));
    return {};
  });
  if (!status) {
    fmt::print(stderr, "{}\n", status.error().line());
    std::exit(1);
  }
  return out;
}

struct Clock {
  double wall = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "bm25 DOCUMENTS.jsonl QUERIES.jsonl K\n");
    return 2;
  }
  const std::vector<std::string> documents = read_texts(argv[1]), queries = read_texts(argv[2]);
  const auto k = static_cast<size_t>(std::atoll(argv[3]));
  std::vector<std::string> ids;
  for (size_t d = 0; d < documents.size(); ++d) ids.push_back(fmt::format("{:09}", d));
  for (std::string line; std::getline(std::cin, line);) {
    const Clock begun;
    lode::eval::Bm25Search search({});
    for (const std::string& document : documents) search.add(document);
    search.finish(ids);
    const Clock indexed;
    size_t n_found = 0;
    for (const std::string& query : queries) n_found += search.best(query, k).size();
    const Clock done;
    fmt::print(
        "{{\"index\": {:.5f}, \"index_cpu\": {:.5f}, \"query\": {:.5f}, \"query_cpu\": {:.5f}, \"found\": {}}}\n",
        indexed.wall - begun.wall, indexed.cpu - begun.cpu, done.wall - indexed.wall, done.cpu - indexed.cpu, n_found);
    std::fflush(stdout);
  }
  return 0;
}

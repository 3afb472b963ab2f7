// Any bytes as a data set: the files of a folder, with the line "====" between them, through every reader. What is read
// must be what the readers promise.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "eval/clustering_data.h"
#include "eval/labelled_texts.h"
#include "eval/packed_trees.h"
#include "eval/pair_data.h"
#include "eval/qrels.h"
#include "eval/retrieval_data.h"
#include "eval/sts.h"
#include "eval/summaries.h"
#include "eval/swebench.h"

namespace {

namespace fs = std::filesystem;
using namespace lode::eval;

// Stays behind in TMPDIR: libFuzzer ends without calling what would remove it.
const fs::path& folder() {
  static const fs::path path = [] {
    std::string name = (fs::temp_directory_path() / "lode-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    fs::create_directories(fs::path(name) / "beir/qrels");
    fs::create_directories(fs::path(name) / "pairs");
    return fs::path(name);
  }();
  return path;
}

void write(const fs::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void check(const lode::Result<RetrievalData>& data) {
  if (!data) {
    LODE_CHECK(!data.error().message.empty());
    return;
  }
  LODE_CHECK(!data->corpus.empty() && !data->queries.empty());
  for (const Query& query : data->queries) {
    LODE_CHECK(!query.judged.empty());
    for (const auto& [document, level] : query.judged) {
      LODE_CHECK(level <= 0 || std::ranges::find(data->corpus, document, &Document::id) != data->corpus.end());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view kBetween = "====\n";
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string_view, 3> files;
  for (std::string_view& file : files) {
    const size_t n = std::min(rest.find(kBetween), rest.size());
    file = rest.substr(0, n);
    rest.remove_prefix(std::min(n + kBetween.size(), rest.size()));
  }
  write(folder() / "beir/corpus.jsonl", files[0]);
  write(folder() / "beir/queries.jsonl", files[1]);
  write(folder() / "beir/qrels/test.tsv", files[2]);
  check(read_retrieval_data(folder() / "beir", "test"));
  write(folder() / "pairs/corpus.jsonl", files[0]);
  write(folder() / "pairs/test.jsonl", files[1]);
  check(read_retrieval_data(folder() / "pairs", "test"));

  const fs::path one = folder() / "beir/corpus.jsonl";
  if (const auto pairs = read_scored_pairs(one)) LODE_CHECK(pairs->size() >= 2);
  if (const auto run = read_trec_run(one)) LODE_CHECK(!run->rankings.empty());
  if (const auto qrels = read_qrels(one)) LODE_CHECK(!qrels->empty());  // as JSON lines
  if (const auto texts = read_labelled_texts(one)) LODE_CHECK(texts->texts.size() == texts->labels.size());
  if (const auto groups = read_text_groups(one)) LODE_CHECK(!groups->empty());
  if (const auto pairs = read_labelled_pairs(one)) LODE_CHECK(pairs->first.size() == pairs->second.size());
  if (const auto summaries = read_summaries(one)) LODE_CHECK(!summaries->empty());
  if (const auto issues = read_issues(one)) {
    LODE_CHECK(!issues->empty());
    for (const Issue& issue : *issues) LODE_CHECK(issue.id.size() < size);
  }
  if (const auto trees = PackedTrees::read(one, folder() / "beir/queries.jsonl")) {
    for (const PackedTrees::Tree& tree : trees->trees()) {
      for (const PackedTrees::File& file : tree.files) {
        LODE_CHECK(file.blob < trees->n_blobs() && file.path < trees->paths().size());
      }
    }
  }
  return 0;
}

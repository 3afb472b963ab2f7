#include "search/vector_filler.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "index/aside.h"
#include "index/document.h"

namespace lode::search {
namespace {

// A content that lacks vectors, under the path that is put in front of its chunks.
struct Wanting {
  ContentId content;
  ContentHash hash;
  std::string path;
};

struct HashOfContent {
  size_t operator()(const ContentHash& hash) const { return std::hash<std::string_view>{}(bytes_of(hash)); }
};

// The first path of each content, those beside the matter last.
Result<std::vector<Wanting>> in_order(IndexReader& reader, const std::vector<ContentHash>& hashes) {
  LODE_ASSIGN(const std::vector<IndexedFile> files, reader.files());
  std::vector<Wanting> out;
  std::unordered_set<ContentId> seen;
  for (const IndexedFile& file : files) {
    if (!file.content || !seen.insert(*file.content).second) continue;
    out.push_back({*file.content, hashes[reader.place_of(*file.content)], file.path});
  }
  std::ranges::stable_sort(out, {}, [](const Wanting& one) { return !index::aside_word(one.path).empty(); });
  return out;
}

}  // namespace

Result<VectorReport> fill_vectors(IndexReader& reader, VectorFile& file, const VectorFilling& filling) {
  LODE_ASSIGN(const std::vector<ContentHash> hashes, reader.content_hashes());
  LODE_ASSIGN(const std::vector<Wanting> all, in_order(reader, hashes));
  VectorReport report{.n_chunks = reader.n_chunks()};
  std::vector<const Wanting*> wanting;
  size_t n_done = 0;
  for (const Wanting& one : all) {
    const uint32_t place = reader.place_of(one.content);
    const uint32_t n_chunks = reader.first_chunks()[place + 1] - reader.first_chunks()[place];
    if (n_chunks == 0 || (file.n_rows(one.hash) == n_chunks && file.is_of(one.hash, one.path))) {
      n_done += n_chunks;
    } else {
      wanting.push_back(&one);
    }
  }
  filling.progress(n_done, report.n_chunks);
  for (size_t next = 0; next < wanting.size();) {
    std::vector<std::string> texts;
    std::vector<std::pair<const Wanting*, size_t>> batch;  // and how many chunks each has
    for (; next < wanting.size() && texts.size() < filling.batch_chunks; ++next) {
      const Wanting& one = *wanting[next];
      LODE_ASSIGN(Content content, reader.content(one.content));
      LODE_ASSIGN(const std::string text, reader.text(one.content));
      const index::Document document{.language = content.language,
                                     .symbols = std::move(content.outline.symbols),
                                     .chunks = std::move(content.outline.chunks)};
      for (const index::Chunk& chunk : document.chunks) {
        texts.push_back(index::chunk_text(one.path, text, document, chunk));
      }
      batch.emplace_back(&one, document.chunks.size());
    }
    if (filling.stopped()) {
      return fail(Code::cancelled, "interrupted", "The vectors that are made stay; run it again to go on");
    }
    LODE_ASSIGN(const std::vector<float> vectors, filling.encode(texts));
    const auto n_dims = static_cast<size_t>(file.dims());
    const auto append = [&]() -> Status {
      size_t first = 0;
      for (const auto& [one, n] : batch) {
        std::vector<index::VectorKey> keys;
        for (size_t i = 0; i < n; ++i) keys.push_back(index::vector_key(filling.prompt, texts[first + i]));
        // Somebody else may have made them meanwhile.
        if (file.n_rows(one->hash) != n || !file.is_of(one->hash, one->path)) {
          LODE_TRY(file.append(one->hash, one->path, keys, std::span(vectors).subspan(first * n_dims, n * n_dims)));
        }
        first += n;
      }
      return {};
    };
    LODE_TRY(filling.locked(append));
    report.n_encoded += texts.size();
    n_done += texts.size();
    filling.progress(n_done, report.n_chunks);
  }
  return report;
}

Status drop_lost_vectors(const std::filesystem::path& index, VectorFile& file) {
  std::set<ContentHash> wanted;
  LODE_ASSIGN(const auto roots, IndexReader::roots(index));
  for (const RootName& one : roots) {
    LODE_ASSIGN(auto reader, IndexReader::open(index, one));
    LODE_ASSIGN(const auto hashes, reader->content_hashes());
    wanted.insert(hashes.begin(), hashes.end());
  }
  return file.compact([&](const ContentHash& hash) { return wanted.contains(hash); });
}

}  // namespace lode::search

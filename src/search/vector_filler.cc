#include "search/vector_filler.h"

#include <algorithm>
#include <set>
#include <utility>

#include "index/aside.h"
#include "index/document.h"
#include "search/block_keys.h"

namespace lode::search {
namespace {

// A content that lacks vectors, under the path that is put in front of its chunks.
struct Wanting {
  ContentId content;
  BlockKey key;
  std::string path;
};

// The first path of each content, in order, those beside the matter last.
Result<std::vector<Wanting>> in_order(IndexReader& reader) {
  LODE_ASSIGN(const std::vector<BlockKey> keys, block_keys(reader));
  LODE_ASSIGN(const std::vector<std::string> paths, reader.first_paths());
  std::vector<Wanting> out;
  for (size_t place = 0; place < keys.size(); ++place) {
    out.push_back({reader.contents()[place], keys[place], paths[place]});
  }
  std::ranges::sort(out, {}, &Wanting::path);
  std::ranges::stable_sort(out, {}, [](const Wanting& one) { return !index::aside_word(one.path).empty(); });
  return out;
}

}  // namespace

Result<VectorReport> fill_vectors(IndexReader& reader, VectorFile& file, const VectorFilling& filling) {
  LODE_ASSIGN(const std::vector<Wanting> all, in_order(reader));
  VectorReport report{.n_chunks = reader.n_chunks()};
  std::vector<const Wanting*> wanting;
  size_t n_done = 0;
  for (const Wanting& one : all) {
    const uint32_t place = reader.place_of(one.content);
    const uint32_t n_chunks = reader.first_chunks()[place + 1] - reader.first_chunks()[place];
    if (file.n_rows(one.key) == n_chunks) {
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
        if (file.n_rows(one->key) != n) {
          LODE_TRY(file.append(one->key, keys, std::span(vectors).subspan(first * n_dims, n * n_dims)));
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
  std::set<BlockKey> wanted;
  LODE_ASSIGN(const auto roots, IndexReader::roots(index));
  for (const RootName& one : roots) {
    LODE_ASSIGN(auto reader, IndexReader::open(index, one));
    LODE_ASSIGN(const auto keys, block_keys(*reader));
    wanted.insert(keys.begin(), keys.end());
  }
  return file.compact([&](const BlockKey& key) { return wanted.contains(key); });
}

}  // namespace lode::search

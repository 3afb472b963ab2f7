#include "search/indexer.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "code/language.h"
#include "index/document.h"
#include "search/content_hash.h"
#include "search/outline_blob.h"
#include "search/packed_text.h"
#include "search/segment_builder.h"
#include "text/utf8.h"

namespace lode::search {
namespace {

constexpr size_t kGrowth = 4;  // from one batch to the next, twice
constexpr size_t kMaxBatchFiles = 20'000;

// A file that is read in this run.
struct Pending {
  const TreeFile* file = nullptr;
  FileRow row;
  std::string bytes;
  ContentHash hash{};
  code::Language language{};
  std::optional<size_t> fresh;  // its content's place among those that are analysed
};

// A content that is analysed in this batch.
struct Fresh {
  const Pending* source = nullptr;
  std::string outline;
  std::string packed;
  size_t n_bytes = 0;
};

class IndexRun {
 public:
  IndexRun(IndexWriter& writer, Tree& tree, std::string_view commit_id, ThreadPool& pool,
           const IndexingOptions& options)
      : writer_(writer), tree_(tree), commit_id_(commit_id), pool_(pool), options_(options) {}

  Result<IndexingReport> run(const RootName& name) {
    LODE_TRY(writer_.begin());
    LODE_ASSIGN(root_, writer_.root(name));
    LODE_ASSIGN(const bool was_sealed, writer_.is_sealed(root_, commit_id_));
    LODE_ASSIGN(auto known, writer_.files(root_));
    std::vector<Pending> pending = find_changes(known);
    // What is left in `known` is in the tree no more.
    for (const auto& [path, row] : known) LODE_TRY(writer_.remove_file(root_, path));
    report_.n_removed = known.size();
    known.clear();
    options_.progress(report_.n_unchanged, tree_.files().size());
    if (pending.empty() && report_.n_removed == 0 && was_sealed) {
      auto report = finish();
      writer_.roll_back();
      return report;
    }
    LODE_TRY(writer_.seal_root(root_, false, commit_id_));
    LODE_TRY(writer_.commit());
    size_t batch_bytes = std::max<size_t>(options_.batch_bytes / (kGrowth * kGrowth), 1);
    for (size_t first = 0; first < pending.size();) {
      size_t n_bytes = 0;
      size_t end = first;
      while (end < pending.size() && (end == first || (n_bytes < batch_bytes && end - first < kMaxBatchFiles))) {
        n_bytes += std::min(pending[end++].file->stamp.size, uint64_t{options_.max_file_bytes});
      }
      LODE_TRY(do_batch(std::span(pending).subspan(first, end - first)));
      first = end;
      batch_bytes = std::min(batch_bytes * kGrowth, options_.batch_bytes);
      options_.progress(report_.n_unchanged + first, tree_.files().size());
    }
    LODE_TRY(writer_.begin());
    LODE_TRY(writer_.seal_root(root_, true, commit_id_));
    LODE_TRY(writer_.remove_lost_roots());
    LODE_TRY(writer_.commit());
    LODE_TRY(merge());
    return finish();
  }

 private:
  [[nodiscard]] std::unexpected<Error> cancelled() const {
    return fail(Code::cancelled, "interrupted", "What was indexed so far stays; run it again to go on");
  }

  // What must be read; takes out of `known` all that is in the tree.
  std::vector<Pending> find_changes(std::unordered_map<std::string, FileRow>& known) {
    std::vector<Pending> out;
    for (const TreeFile& file : tree_.files()) {
      const auto found = known.find(file.path);
      const bool same = found != known.end() && !found->second.racy && found->second.stamp == file.stamp &&
                        still_holds(found->second, file);
      if (same) {
        ++report_.n_unchanged;
        count(found->second);
      } else {
        out.emplace_back().file = &file;
      }
      if (found != known.end()) known.erase(found);
    }
    return out;
  }
  // Another limit than that of the last run lets others in.
  [[nodiscard]] bool still_holds(const FileRow& row, const TreeFile& file) const {
    if (row.skip == Skip::huge) return !file.stamp.blob.empty() || file.stamp.size > options_.max_file_bytes;
    return file.stamp.size <= options_.max_file_bytes;
  }
  void count(const FileRow& row) {
    if (row.skip == Skip::none) {
      ++report_.n_files;
    } else {
      ++report_.skipped[static_cast<size_t>(row.skip)];
    }
  }

  Status do_batch(std::span<Pending> batch) {
    pool_.for_each(batch.size(), [&](size_t i, int worker) {
      if (!options_.stopped()) read(batch[i], worker);
    });
    if (options_.stopped()) return cancelled();
    std::vector<Fresh> fresh;
    LODE_TRY(find_fresh(batch, fresh));
    SegmentBuilder builder(pool_.n_threads());
    const size_t n_before = report_.n_unchanged + report_.n_changed;
    std::atomic<size_t> n_done = 0;
    pool_.for_each(fresh.size(), [&](size_t i, int worker) {
      if (!options_.stopped()) analyse(fresh[i], static_cast<uint32_t>(i), builder.part(worker));
      const size_t done = n_done.fetch_add(1, std::memory_order_relaxed) + 1;
      if (worker == 0) options_.progress(n_before + batch.size() * done / fresh.size(), tree_.files().size());
    });
    if (options_.stopped()) return cancelled();
    return write(batch, fresh, builder);
  }

  void read(Pending& pending, int worker) {
    const TreeFile& file = *pending.file;
    pending.row.stamp = file.stamp;
    pending.row.skip = skip_by_path(file.path);
    if (pending.row.skip != Skip::none) return;
    // Without this a disk image would be opened at every run.
    if (file.stamp.size > options_.max_file_bytes) {
      pending.row.skip = Skip::huge;
      return;
    }
    auto contents = tree_.read(file, options_.max_file_bytes, worker);
    if (!contents) {
      const bool huge = contents.error().code == Code::too_large;
      pending.row.skip = huge ? Skip::huge : Skip::unreadable;
      pending.row.racy = !huge;
      return;
    }
    pending.row.stamp = contents->stamp;
    pending.row.racy = contents->racy;
    pending.row.skip = skip_by_bytes(contents->bytes);
    if (pending.row.skip != Skip::none) return;
    pending.bytes = std::move(contents->bytes);
    pending.hash = content_hash(pending.bytes);
    pending.language = code::language_of(file.path);
  }

  Status find_fresh(std::span<Pending> batch, std::vector<Fresh>& fresh) {
    std::map<std::pair<ContentHash, code::Language>, size_t> seen;
    for (Pending& pending : batch) {
      if (pending.row.skip != Skip::none) continue;
      LODE_ASSIGN(pending.row.content, writer_.find_content(pending.hash, pending.language));
      if (pending.row.content.has_value()) continue;
      const auto [known, is_new] = seen.try_emplace(std::pair(pending.hash, pending.language), fresh.size());
      if (is_new) fresh.emplace_back().source = &pending;
      pending.fresh = known->second;
    }
    return {};
  }

  void analyse(Fresh& fresh, uint32_t place, SegmentBuilder::Part& part) {
    const text::utf8::Repaired repaired(fresh.source->bytes);
    const std::string_view text = repaired.text();
    const index::Document document = index::read_document(fresh.source->file->path, text);
    part.begin_content(place, text.size());
    for (const index::Counts& counts : index::count_chunks(text, document, part.lexicon())) part.add_chunk(counts);
    for (const code::Symbol& symbol : document.symbols) part.add_definition(symbol);
    fresh.n_bytes = text.size();
    fresh.outline = pack_outline(document);
    fresh.packed = pack(text);
  }

  Status write(std::span<Pending> batch, std::span<Fresh> fresh, SegmentBuilder& builder) {
    LODE_TRY(writer_.begin());
    std::vector<ContentId> ids;
    for (const Fresh& each : fresh) {
      LODE_ASSIGN(const ContentId id, writer_.add_content(each.source->hash, each.source->language, each.n_bytes,
                                                          each.outline, each.packed));
      ids.push_back(id);
    }
    LODE_TRY(writer_.add_segment(builder, ids, pool_));
    for (Pending& pending : batch) {
      if (pending.fresh) pending.row.content = ids[*pending.fresh];
      LODE_TRY(writer_.put_file(root_, pending.file->path, pending.row));
    }
    LODE_TRY(writer_.seal_root(root_, false, commit_id_));
    LODE_TRY(writer_.commit());
    for (Pending& pending : batch) {
      count(pending.row);
      pending.bytes = {};
    }
    report_.n_changed += batch.size();
    report_.n_analysed += fresh.size();
    return merge();
  }

  Status merge() {
    LODE_TRY(writer_.begin());
    LODE_ASSIGN(const bool merged, writer_.merge_segments());
    if (merged) return writer_.commit();
    writer_.roll_back();
    return {};
  }

  Result<IndexingReport> finish() {
    LODE_ASSIGN(const IndexWriter::Totals totals, writer_.totals(root_));
    report_.n_chunks = totals.n_chunks;
    report_.n_symbols = totals.n_symbols;
    report_.skipped[static_cast<size_t>(Skip::special)] += tree_.n_special();
    report_.skipped[static_cast<size_t>(Skip::unreadable)] += tree_.n_unreadable();
    return report_;
  }

  IndexWriter& writer_;
  Tree& tree_;
  std::string_view commit_id_;
  ThreadPool& pool_;
  const IndexingOptions& options_;
  RootId root_ = 0;
  IndexingReport report_;
};

}  // namespace

Result<IndexingReport> update_index(IndexWriter& writer, Tree& tree, const RootName& name, std::string_view commit_id,
                                    ThreadPool& pool, const IndexingOptions& options) {
  auto report = IndexRun(writer, tree, commit_id, pool, options).run(name);
  if (!report) writer.roll_back();
  return report;
}

}  // namespace lode::search

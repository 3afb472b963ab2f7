#include "search/searcher.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "search/ignore_rules.h"
#include "search/ranked_search.h"
#include "search/symbol_search.h"
#include "search/text_search.h"

namespace lode::search {
namespace {

constexpr std::array<std::string_view, 7> kModeNames = {"hybrid", "lexical", "dense", "bm25",
                                                        "symbol", "exact",   "regex"};

std::vector<std::string> paths_of(const std::vector<IndexedFile>& files) {
  std::vector<std::string> out;
  for (const IndexedFile& file : files) out.push_back(file.path);
  return out;
}

std::vector<index::ContentId> contents_of(const std::vector<IndexedFile>& files, const IndexReader& reader) {
  std::vector<index::ContentId> out;
  for (const IndexedFile& file : files) out.push_back(reader.place_of(*file.content));
  return out;
}

bool matches(std::string_view glob, std::string_view path) {
  if (glob.starts_with("./")) glob.remove_prefix(2);
  while (glob.starts_with('/')) glob.remove_prefix(1);
  if (glob.ends_with('/')) return path.starts_with(glob);
  const bool has_slash = glob.find('/') != std::string_view::npos;
  return glob_matches(glob, has_slash ? path : path.substr(path.find_last_of('/') + 1)) ||  // npos + 1 is 0
         (has_slash && path.starts_with(glob) && path.size() > glob.size() && path[glob.size()] == '/');
}

}  // namespace

std::string_view name_of(Mode mode) {
  return kModeNames[static_cast<size_t>(mode)];
}

std::optional<Mode> mode_named(std::string_view name) {
  const auto found = std::ranges::find(kModeNames, name);
  if (found == kModeNames.end()) return std::nullopt;
  return static_cast<Mode>(found - kModeNames.begin());
}

Searcher::Searcher(std::unique_ptr<IndexReader> reader, std::vector<IndexedFile> files)
    : reader_(std::move(reader)),
      files_(std::move(files)),
      source_(*reader_),
      tree_(source_, paths_of(files_), contents_of(files_, *reader_)),
      paths_(tree_) {}

Result<std::unique_ptr<Searcher>> Searcher::open(const std::filesystem::path& index, const RootName& root) {
  LODE_ASSIGN(auto reader, IndexReader::open(index, root));
  LODE_ASSIGN(std::vector<IndexedFile> files, reader->files());
  std::erase_if(files, [](const IndexedFile& file) { return !file.content; });
  return std::unique_ptr<Searcher>(new Searcher(std::move(reader), std::move(files)));
}

void Searcher::use_vectors(VectorScan scan, EncodeQuery encode) {
  scan_ = std::move(scan);
  encode_ = std::move(encode);
}

std::vector<float> Searcher::vector_of(index::TextId chunk) {
  return scan_ ? scan_->vector_of(chunk) : std::vector<float>();
}

const IndexedFile* Searcher::find(std::string_view path) const {
  const auto found = std::ranges::lower_bound(files_, path, {}, &IndexedFile::path);
  return found != files_.end() && found->path == path ? &*found : nullptr;
}

std::vector<uint8_t> Searcher::allowed(const SearchQuery& query) const {
  std::vector<uint8_t> out(files_.size(), 1);
  const bool has_wanted =
      std::ranges::any_of(query.paths, [](const std::string& glob) { return !glob.starts_with('!'); });
  for (size_t i = 0; i < files_.size(); ++i) {
    const std::string& path = files_[i].path;
    bool good =
        query.languages.empty() || std::ranges::find(query.languages, code::language_of(path)) != query.languages.end();
    good = good && files_[i].mtime_ns >= query.changed_since_ns && path.starts_with(query.below);
    if (good && !query.paths.empty()) {
      bool wanted = !has_wanted;
      for (const std::string_view glob : query.paths) {
        if (glob.starts_with('!')) {
          if (matches(glob.substr(1), path)) {
            wanted = false;
            break;
          }
        } else {
          wanted = wanted || matches(glob, path);
        }
      }
      good = wanted;
    }
    out[i] = good ? 1 : 0;
  }
  return out;
}

Result<std::span<const uint32_t>> Searcher::kinds_of_contents() {
  static_assert(code::kSymbolKinds <= 32);
  if (!kinds_.empty()) return kinds_;
  std::vector<uint32_t> out;
  for (const ContentId id : reader_->contents()) {
    LODE_ASSIGN(const Content content, reader_->content(id));
    uint32_t kinds = 0;
    for (const code::Symbol& symbol : content.outline.symbols) kinds |= 1U << static_cast<unsigned>(symbol.kind);
    out.push_back(kinds);
  }
  kinds_ = std::move(out);
  return kinds_;
}

Result<SearchResult> Searcher::search(const SearchQuery& query) {
  const bool is_by_vector = query.mode == Mode::dense && !query.vector.empty();
  if (!is_by_vector && query.text.find_first_not_of(" \t\r\n") == std::string::npos) {
    return fail(Code::invalid_argument, "the query is empty",
                "Say what to look for: words, a name, or an error message.");
  }
  Result<SearchResult> out;
  switch (query.mode) {
    case Mode::symbol: out = SymbolSearch(*this, query).run(); break;
    case Mode::exact:
    case Mode::regex: out = TextSearch(*this, query).run(); break;
    default: out = RankedSearch(*this, query).run(); break;
  }
  LODE_TRY(source_.take_status());
  if (out) {
    out->is_complete = reader_->is_complete();
    out->mode = query.mode == Mode::hybrid && n_vectors() == 0 ? Mode::lexical : query.mode;
  }
  if (out && (query.mode == Mode::hybrid || query.mode == Mode::dense)) out->n_vectors = n_vectors();
  return out;
}

}  // namespace lode::search

#include "eval/file_chunks.h"

#include <utility>

#include "index/document.h"
#include "text/utf8.h"

namespace lode::eval {

Result<FileChunks> FileChunks::read(const Trees& trees, std::span<const Trees::File> files,
                                    const index::ChunkOptions& options) {
  return read(trees, files, [&](std::string_view path, std::string_view text) {
    std::vector<std::string_view> chunks = index::line_chunks(text, options);
    if (chunks.empty()) chunks.emplace_back();
    std::vector<std::string> out;
    for (const std::string_view chunk : chunks) out.push_back(std::string(path).append("\n").append(chunk));
    return out;
  });
}

Result<FileChunks> FileChunks::read_definitions(const Trees& trees, std::span<const Trees::File> files) {
  return read(trees, files, [](std::string_view path, std::string_view text) {
    const index::Document document = index::read_document(path, text);
    std::vector<std::string> out;
    for (const index::Chunk& chunk : document.chunks) out.push_back(index::chunk_text(path, text, document, chunk));
    if (out.empty()) out.emplace_back(path);
    return out;
  });
}

Result<FileChunks> FileChunks::read(const Trees& trees, std::span<const Trees::File> files, const Cut& cut) {
  FileChunks out;
  std::unordered_map<uint32_t, std::vector<uint32_t>> paths_of_blob;
  for (const Trees::File& file : files) {
    if (out.files_.try_emplace(key_of(file)).second) paths_of_blob[file.blob].push_back(file.path);
  }
  LODE_TRY(trees.each_blob([&](uint32_t blob, std::string_view bytes) {
    const auto paths = paths_of_blob.find(blob);
    if (paths == paths_of_blob.end()) return;
    const text::utf8::Repaired repaired(bytes);
    for (const uint32_t path : paths->second) {
      const text::utf8::Repaired name(trees.paths()[path]);
      std::vector<uint32_t>& ids = out.files_.at(key_of({path, blob}));
      for (std::string& chunk : cut(name.text(), repaired.text())) ids.push_back(out.add(std::move(chunk)));
    }
  }));
  out.ids_.clear();
  return out;
}

uint32_t FileChunks::add(std::string text) {
  std::vector<uint32_t>& ids = ids_[std::hash<std::string>{}(text)];
  for (const uint32_t id : ids) {
    if (texts_[id] == text) return id;
  }
  ids.push_back(static_cast<uint32_t>(texts_.size()));
  texts_.push_back(std::move(text));
  return ids.back();
}

}  // namespace lode::eval

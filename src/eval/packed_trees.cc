#include "eval/packed_trees.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/compressed_file.h"

namespace lode::eval {
namespace {

std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> out;
  for (size_t begin = 0;;) {
    const size_t tab = line.find('\t', begin);
    out.push_back(line.substr(begin, tab == std::string_view::npos ? tab : tab - begin));
    if (tab == std::string_view::npos) return out;
    begin = tab + 1;
  }
}

// What is known while the lines are read.
struct State {
  uint64_t n_bytes = 0;
  std::unordered_map<std::string, uint32_t> path_ids;
  std::map<std::string, PackedTrees::File, std::less<>> now;  // the tree after the changes so far
  uint64_t count = 0;                                         // of files that the current tree should have
};

}  // namespace

Result<PackedTrees> PackedTrees::read(const std::filesystem::path& index, std::filesystem::path blobs) {
  LODE_ASSIGN(const std::string text, read_compressed(index, size_t{1} << 30));
  PackedTrees out;
  out.blobs_ = std::move(blobs);
  State state;
  size_t line_number = 0;
  const auto wrong = [&](const std::string& what) {
    return fail(Code::corrupt, fmt::format("{}:{}: {}", index.string(), line_number, what), "Get the data set again.");
  };
  const auto finish_tree = [&]() -> Status {
    if (out.trees_.empty()) return {};
    if (state.now.size() != state.count) {
      return wrong(fmt::format("the tree of {} has {} files, {} were announced", out.trees_.back().name,
                               state.now.size(), state.count));
    }
    for (const auto& [path, file] : state.now) out.trees_.back().files.push_back(file);
    return {};
  };

  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    ++line_number;
    if (line.empty()) continue;
    const std::vector<std::string_view> fields = split(line);
    const std::string_view kind = fields[0];
    if (kind == "B" && fields.size() >= 4) {
      const auto id = number(fields[1]), offset = number(fields[2]), length = number(fields[3]);
      if (!id || !offset || !length || *id != out.lengths_.size() || *offset != state.n_bytes ||
          *length > kMaxBlobBytes) {
        return wrong("blobs must be numbered from 0 and lie one after the other");
      }
      out.lengths_.push_back(*length);
      state.n_bytes += *length;
    } else if (kind == "I" && fields.size() >= 4) {
      LODE_TRY(finish_tree());
      const auto count = number(fields[3]);
      if (!count) return wrong("an instance without its number of files");
      state.count = *count;
      out.trees_.push_back({.name = std::string(fields[1]), .commit = std::string(fields[2]), .files = {}});
    } else if (kind == "+" && fields.size() >= 3) {
      const auto blob = number(fields[2]);
      if (!blob || *blob > std::numeric_limits<uint32_t>::max() || out.trees_.empty())
        return wrong("a file without a blob or before the first instance");
      const auto [found, is_new] =
          state.path_ids.try_emplace(std::string(fields[1]), static_cast<uint32_t>(out.paths_.size()));
      if (is_new) out.paths_.emplace_back(fields[1]);
      state.now.insert_or_assign(std::string(fields[1]), File{found->second, static_cast<uint32_t>(*blob)});
    } else if (kind == "-" && fields.size() >= 2) {
      const auto found = state.now.find(fields[1]);
      if (found == state.now.end()) return wrong(fmt::format("{} goes, but was never there", fields[1]));
      state.now.erase(found);
    } else {
      return wrong(fmt::format("\"{}\" is no line of a packed tree", line.substr(0, 80)));
    }
  }
  LODE_TRY(finish_tree());
  for (const Tree& tree : out.trees_) {
    for (const File& file : tree.files) {
      if (file.blob >= out.lengths_.size()) {
        return wrong(fmt::format("{} holds the blob {}, there are {}", tree.name, file.blob, out.lengths_.size()));
      }
    }
  }
  return out;
}

Status PackedTrees::each_blob(const OnBlob& visit) const {
  LODE_ASSIGN(CompressedFile file, CompressedFile::open(blobs_));
  std::string bytes;
  for (size_t i = 0; i < lengths_.size(); ++i) {
    bytes.resize(lengths_[i]);
    LODE_ASSIGN(const size_t got, file.read(bytes));
    if (got < bytes.size()) {
      return fail(Code::corrupt, fmt::format("{} ends inside of file {} of {}", blobs_.string(), i, lengths_.size()),
                  "Get the data set again.");
    }
    visit(static_cast<uint32_t>(i), bytes);
  }
  return {};
}

}  // namespace lode::eval

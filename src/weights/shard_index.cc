#include "weights/shard_index.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "weights/safetensors.h"

namespace lode::weights {

namespace {

std::unexpected<Error> bad_index(std::string message) {
  return fail(Code::corrupt, std::move(message), "Download the index again, or write the checkpoint again");
}

bool is_plain_name(std::string_view name) {
  constexpr size_t kMaxNameBytes = 255;  // what a folder entry can have
  return !name.empty() && name.size() <= kMaxNameBytes && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

const ShardIndex::Row* ShardIndex::find(std::string_view tensor) const {
  const auto it = std::ranges::lower_bound(rows, tensor, {}, &Row::tensor);
  return it != rows.end() && it->tensor == tensor ? &*it : nullptr;
}

Result<ShardIndex> parse_shard_index(std::string_view text, std::string_view file) {
  auto document = json::Document::parse(text, file);
  if (!document) return bad_index(document.error().message);
  const json::Value root = document->root();
  if (!root.is(json::Kind::object)) {
    return bad_index(fmt::format("{} is {}, expected an object", file, json::kind_name(root.kind())));
  }
  const auto map = root.find("weight_map");
  if (!map || !map->is(json::Kind::object)) {
    return bad_index(fmt::format("{}: weight_map is {}, expected an object of tensor names and file names", file,
                                 map ? json::kind_name(map->kind()) : "missing"));
  }

  ShardIndex index;
  const auto members = map->members();
  if (members.empty()) return bad_index(fmt::format("{}: weight_map is empty, expected at least one tensor", file));
  std::vector<std::pair<std::string_view, std::string_view>> pairs;  // tensor, file
  pairs.reserve(members.size());
  for (const auto& [tensor, value] : members) {
    const auto shard = value.as_string();
    if (!shard) {
      return bad_index(
          fmt::format("{}: tensor {} is mapped to {}, expected a file name", file, shown(tensor), value.text()));
    }
    if (!is_plain_name(*shard)) {
      return bad_index(fmt::format("{}: tensor {} is mapped to {}, expected the name of a file in the same folder",
                                   file, shown(tensor), shown(*shard)));
    }
    pairs.emplace_back(tensor, *shard);
  }
  std::ranges::sort(pairs);
  const auto twin = std::ranges::adjacent_find(pairs, {}, &std::pair<std::string_view, std::string_view>::first);
  if (twin != pairs.end()) {
    return bad_index(fmt::format("{}: tensor {} is listed twice (in {} and {}), expected once", file,
                                 shown(twin->first), shown(twin->second), shown(std::next(twin)->second)));
  }

  for (const auto& [tensor, shard] : pairs) index.files.emplace_back(shard);
  std::ranges::sort(index.files);
  index.files.erase(std::ranges::unique(index.files).begin(), index.files.end());
  index.rows.reserve(pairs.size());
  for (const auto& [tensor, shard] : pairs) {
    const auto at = std::ranges::lower_bound(index.files, shard);
    index.rows.push_back({std::string(tensor), static_cast<uint32_t>(at - index.files.begin())});
  }
  return index;
}

}  // namespace lode::weights

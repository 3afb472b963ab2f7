#include "weights/rounded_tensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <span>
#include <utility>
#include <xxhash.h>

#include <fmt/format.h>

#include "weights/safetensors.h"

namespace lode::weights {
namespace {

using kernels::Bits;
using kernels::Packing;

constexpr std::string_view kVersionKey = "lode.rounded.version";
constexpr std::string_view kNamesKey = "lode.rounded.tensors";
constexpr std::string_view kTypesKey = "lode.rounded.types";
constexpr std::string_view kRowsKey = "lode.rounded.rows";
constexpr std::string_view kColumnsKey = "lode.rounded.columns";
constexpr std::string_view kGroupsKey = "lode.rounded.groups";
constexpr std::string_view kCheckKey = "lode.rounded.check";
constexpr std::string_view kConvertAgain = "Convert the model again with `lode convert`";

constexpr std::array kPackings = {std::pair{std::string_view("int8-rotated"), Packing{Bits::eight, true}},
                                  std::pair{std::string_view("int4-rotated"), Packing{Bits::four, true}},
                                  std::pair{std::string_view("int4"), Packing{Bits::four, false}}};

// XXH3 of the head as if the check's own bytes were zero.
uint64_t check_of(std::span<const std::byte> head, size_t at) {
  constexpr uint64_t kZero = 0;
  XXH3_state_t* const state = XXH3_createState();
  LODE_CHECK(state != nullptr);
  XXH3_64bits_reset(state);
  XXH3_64bits_update(state, head.data(), at);
  XXH3_64bits_update(state, &kZero, sizeof kZero);
  XXH3_64bits_update(state, head.data() + at + sizeof kZero, head.size() - at - sizeof kZero);
  const uint64_t check = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return check;
}

Status check_head(const gguf::File& file, std::string_view what) {
  const gguf::Value* const value = file.find(kCheckKey);
  if (value == nullptr || value->kind != gguf::Kind::array || value->element != gguf::Kind::u8 ||
      value->bytes.size() != sizeof(uint64_t)) {
    return fail(Code::corrupt, fmt::format("{}: {} is not there, eight bytes were expected", what, kCheckKey),
                std::string(kConvertAgain));
  }
  uint64_t written = 0;
  std::memcpy(&written, value->bytes.data(), sizeof written);
  const auto at = static_cast<size_t>(value->bytes.data() - file.head.data());
  const uint64_t seen = check_of(file.head, at);
  if (seen == written) return {};
  return fail(Code::corrupt,
              fmt::format("{}: the checksum of the head is {:016x}, expected {:016x}", what, seen, written),
              "The file is damaged: copy or convert it again");
}

template <class T>
Result<std::vector<T>> list(const gguf::File& file, std::string_view what, std::string_view key,
                            std::optional<std::vector<T>> (gguf::Value::*read)() const) {
  const gguf::Value* const value = file.find(key);
  auto out = value != nullptr ? (value->*read)() : std::nullopt;
  if (out) return std::move(*out);
  return fail(
      Code::corrupt,
      fmt::format("{}: {} is {}, expected an array", what, key, value != nullptr ? value->kind_text() : "missing"),
      std::string(kConvertAgain));
}

// Version 1 does not say how many elements share a scale: always so many of a row of k.
int64_t group_of_version_1(int64_t k) {
  constexpr int64_t kUnit = 128, kMost = 1024, kOfShortRow = 4;
  const int64_t n_groups = k < kOfShortRow * kMost ? kOfShortRow : (k + kMost - 1) / kMost;
  return (k + n_groups * kUnit - 1) / (n_groups * kUnit) * kUnit;
}

Status check_tensor(const RoundedTensor& tensor, const gguf::File& file, std::string_view what) {
  const auto info = std::ranges::find(file.tensors, tensor.name, &gguf::TensorInfo::name);
  if (info == file.tensors.end()) {
    return fail(Code::corrupt,
                fmt::format("{}: {} lists the tensor {}, which is not there", what, kNamesKey, shown(tensor.name)),
                std::string(kConvertAgain));
  }
  if (info->type->name == "I8" && info->dims.size() == 1 && std::cmp_equal(info->n_bytes, tensor.n_bytes())) return {};
  return fail(
      Code::corrupt,
      fmt::format("{}: tensor {} of {} has {} bytes of {}, expected one row of {} I8 for [{}, {}] by groups of {}",
                  what, shown(tensor.name), packing_name(tensor.packing), info->n_bytes, info->type->name,
                  tensor.n_bytes(), tensor.rows, tensor.columns, tensor.group),
      std::string(kConvertAgain));
}

}  // namespace

std::string_view packing_name(const Packing& packing) {
  return std::ranges::find(kPackings, packing, [](const auto& row) { return row.second; })->first;
}

std::optional<Packing> find_packing(std::string_view name) {
  const auto row = std::ranges::find(kPackings, name, [](const auto& pair) { return pair.first; });
  return row == kPackings.end() ? std::nullopt : std::optional(row->second);
}

Result<std::vector<RoundedTensor>> read_rounded_tensors(const gguf::File& file, std::string_view what) {
  const gguf::Value* const version = file.find(kVersionKey);
  if (version == nullptr) return std::vector<RoundedTensor>();
  const int64_t number = version->as_int().value_or(-1);
  if (number < 1 || number > kRoundedVersion) {
    return fail(Code::unsupported,
                fmt::format("{}: {} is {}, expected 1 to {}", what, kVersionKey, number, kRoundedVersion),
                "The file was written by a newer version of Lodestone: use that, or convert the model again");
  }
  LODE_TRY(check_head(file, what));
  return list_rounded_tensors(file, number, what);
}

Result<std::vector<RoundedTensor>> list_rounded_tensors(const gguf::File& file, int64_t version,
                                                        std::string_view what) {
  std::vector<RoundedTensor> out;
  LODE_ASSIGN(const auto names, list<std::string_view>(file, what, kNamesKey, &gguf::Value::as_strings));
  LODE_ASSIGN(const auto types, list<std::string_view>(file, what, kTypesKey, &gguf::Value::as_strings));
  LODE_ASSIGN(const auto rows, list<int64_t>(file, what, kRowsKey, &gguf::Value::as_ints));
  LODE_ASSIGN(const auto columns, list<int64_t>(file, what, kColumnsKey, &gguf::Value::as_ints));
  std::vector<int64_t> groups(names.size());  // of version 1: by the columns, once they are known to be some
  if (version != 1) {
    LODE_ASSIGN(groups, list<int64_t>(file, what, kGroupsKey, &gguf::Value::as_ints));
  }
  if (types.size() != names.size() || rows.size() != names.size() || columns.size() != names.size() ||
      groups.size() != names.size()) {
    return fail(Code::corrupt,
                fmt::format("{}: {} names, {} types, {} rows, {} columns and {} groups of rounded tensors, expected as "
                            "many of each",
                            what, names.size(), types.size(), rows.size(), columns.size(), groups.size()),
                std::string(kConvertAgain));
  }
  // Scales are read as f32 where they lie.
  if (file.alignment % sizeof(float) != 0) {
    return fail(Code::corrupt,
                fmt::format("{}: tensors are aligned to {}, expected a multiple of 4", what, file.alignment),
                std::string(kConvertAgain));
  }
  std::set<std::string_view> known;
  for (size_t i = 0; i < names.size(); ++i) {
    const auto packing = find_packing(types[i]);
    constexpr int64_t kMost = INT32_MAX;  // so that no size overflows
    if (!packing || rows[i] < 1 || rows[i] > kMost || columns[i] < 1 || columns[i] > kMost ||
        !known.insert(names[i]).second) {
      return fail(Code::corrupt,
                  fmt::format("{}: rounded tensor {} is {} [{}, {}], expected each name once, a type of "
                              "docs/formats.md and sizes from 1 to 2^31 - 1",
                              what, shown(names[i]), shown(types[i]), rows[i], columns[i]),
                  std::string(kConvertAgain));
    }
    const int64_t group = version == 1 ? group_of_version_1(columns[i]) : groups[i];
    if (group < kernels::kInt4Group || group > kernels::kInt8MostGroup || group % kernels::kInt4Group != 0) {
      return fail(Code::corrupt,
                  fmt::format("{}: rounded tensor {} has groups of {}, expected a multiple of {} up to {}", what,
                              shown(names[i]), group, kernels::kInt4Group, kernels::kInt8MostGroup),
                  std::string(kConvertAgain));
    }
    out.push_back({std::string(names[i]), *packing, rows[i], columns[i], group});
    LODE_TRY(check_tensor(out.back(), file, what));
  }
  return out;
}

void add_rounded_keys(const std::vector<RoundedTensor>& tensors, gguf::Head& head) {
  std::vector<std::string> names, types;
  std::vector<int32_t> rows, columns, groups;
  for (const RoundedTensor& tensor : tensors) {
    names.push_back(tensor.name);
    types.emplace_back(packing_name(tensor.packing));
    rows.push_back(static_cast<int32_t>(tensor.rows));
    columns.push_back(static_cast<int32_t>(tensor.columns));
    groups.push_back(static_cast<int32_t>(tensor.group));
  }
  head.add(kVersionKey, kRoundedVersion);
  head.add(kNamesKey, names);
  head.add(kTypesKey, types);
  head.add(kRowsKey, std::span<const int32_t>(rows));
  head.add(kColumnsKey, std::span<const int32_t>(columns));
  head.add(kGroupsKey, std::span<const int32_t>(groups));
  head.add_bytes(kCheckKey, std::string(sizeof(uint64_t), '\0'));
}

std::string checked_head(const gguf::Head& head) {
  std::string bytes = head.bytes();
  // The last key: behind its name come two kinds and a count.
  const size_t at = bytes.rfind(kCheckKey) + kCheckKey.size() + 2 * sizeof(uint32_t) + sizeof(uint64_t);
  const uint64_t check = check_of(std::as_bytes(std::span(bytes)), at);
  std::memcpy(bytes.data() + at, &check, sizeof check);
  return bytes;
}

}  // namespace lode::weights

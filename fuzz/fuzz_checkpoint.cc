// A whole model folder from one input: config.json, the index (none where it is empty) and up to four shards, separated
// by lines of "%%". A shard's part is its header's JSON; the length in front and 64 bytes of data behind are put there,
// so that the fuzzer works on what is inside. What opens must be readable to the last byte.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "weights/checkpoint.h"

namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "lode-fuzz-XXXXXX").string();
    LODE_CHECK(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
};

void write(const fs::path& path, std::string_view bytes) {
  std::FILE* const file = std::fopen(path.c_str(), "wb");
  LODE_CHECK(file != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size());
  LODE_CHECK(std::fclose(file) == 0);
}

std::string shard(std::string_view header) {
  constexpr size_t kDataBytes = 64;
  const uint64_t n = header.size();
  std::string out(sizeof(n), '\0');
  std::memcpy(out.data(), &n, sizeof(n));
  return out.append(header).append(kDataBytes, 'x');
}

std::vector<std::string_view> split(std::string_view text) {
  constexpr std::string_view kSeparator = "\n%%\n";
  std::vector<std::string_view> parts;
  for (size_t at = text.find(kSeparator); at != std::string_view::npos; at = text.find(kSeparator)) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + kSeparator.size());
  }
  parts.push_back(text);
  return parts;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMaxParts = 6;
  static const Folder folder;
  const auto parts = split({reinterpret_cast<const char*>(data), size});
  if (parts.size() < 3 || parts.size() > kMaxParts) return -1;
  for (const auto& entry : fs::directory_iterator(folder.path)) fs::remove_all(entry.path());
  write(folder.path / "config.json", parts[0]);
  const bool sharded = !parts[1].empty();
  if (sharded) write(folder.path / "model.safetensors.index.json", parts[1]);
  for (size_t i = 2; i < parts.size(); ++i) {
    write(folder.path / (sharded ? fmt::format("{}.safetensors", i - 1) : "model.safetensors"), shard(parts[i]));
  }

  const auto checkpoint = lode::weights::Checkpoint::open(folder.path);
  if (!checkpoint) return 0;
  unsigned sum = 0;
  size_t total = 0;
  for (const auto& tensor : checkpoint->tensors()) {
    for (size_t i = 0; i < tensor.n_bytes; ++i) sum += static_cast<unsigned>(tensor.data[i]);
    LODE_CHECK(static_cast<size_t>(tensor.n_elements()) * lode::kernels::width(tensor.dtype) == tensor.n_bytes);
    LODE_CHECK(reinterpret_cast<uintptr_t>(tensor.data) % lode::kernels::width(tensor.dtype) == 0 ||
               tensor.n_bytes == 0);
    LODE_CHECK(checkpoint->find(tensor.name) == &tensor);
    LODE_CHECK(checkpoint->require(tensor.name, tensor.shape).has_value());
    checkpoint->release(tensor);
    total += tensor.n_bytes;
  }
  LODE_CHECK(total == checkpoint->total_bytes() && sum == total * 'x');
  for (const auto& skipped : checkpoint->skipped())
    LODE_CHECK(checkpoint->find(skipped.name) != nullptr || !skipped.dtype.empty());
  return 0;
}

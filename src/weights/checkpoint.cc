#include "weights/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/gguf.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "weights/gguf_model.h"
#include "weights/rounded_tensors.h"
#include "weights/safetensors.h"
#include "weights/shard_index.h"

namespace lode::weights {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndexFile = "model.safetensors.index.json";
constexpr size_t kMaxJsonBytes = size_t{64} << 20;  // of config.json, the index and each sidecar

// Also true for a link that leads nowhere, so that it is reported and not taken for an absent file.
bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

// A folder, or an error that knows what people pass instead of one.
Status check_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::exists(status)) {
    return fail(Code::not_found, fmt::format("there is no model folder {}", folder.string()), "Check the path");
  }
  if (fs::is_directory(status)) return {};
  return fail(Code::invalid_argument,
              fmt::format("{} is a file, expected a model folder or a .gguf file", folder.string()),
              "Give the folder that holds config.json and the .safetensors files");
}

// Why there is nothing to load, by what lies there instead.
std::unexpected<Error> no_weights(const fs::path& folder) {
  const std::string wanted = fmt::format("{} holds neither {} nor {}", folder.string(), kSingleFile, kIndexFile);
  if (is_there(folder / "pytorch_model.bin") || is_there(folder / "pytorch_model.bin.index.json")) {
    return fail(Code::unsupported, wanted + ", only PyTorch pickle files",
                "Save the model with safe_serialization=True, or get a revision that has safetensors");
  }
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (it->path().extension() == ".gguf") {
      return fail(Code::not_found, wanted + ", only a GGUF file",
                  fmt::format("Give the file itself: {}", it->path().string()));
    }
  }
  return fail(Code::not_found, wanted, "Download the model again");
}

Result<json::Document> parse_json(std::string_view text, const std::string& what) {
  auto document = json::Document::parse(text, what);
  if (!document)
    return fail(Code::corrupt, std::move(document.error().message), "Repair the file or download it again");
  return document;
}

Result<json::Document> read_json(const fs::path& path) {
  LODE_ASSIGN(const std::string text, read_regular_file(path, kMaxJsonBytes));
  return parse_json(text, path.string());
}

Result<json::Document> checked_config(json::Document document, const std::string& what) {
  if (document.root().is(json::Kind::object)) return document;
  return fail(Code::corrupt, fmt::format("{} is {}, expected an object", what, json::kind_name(document.root().kind())),
              "Repair the file or download it again");
}

Result<json::Document> read_config_file(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  std::error_code error;
  if (fs::status(path, error).type() == fs::file_type::none) {  // a folder that may not be searched, say
    return fail(Code::io, fmt::format("cannot look at {}: {}", path.string(), error.message()));
  }
  if (!is_there(path)) {
    return fail(Code::not_found, fmt::format("{} has no config.json", folder.string()),
                "A model folder holds config.json, the tokenizer's files and the .safetensors files");
  }
  LODE_ASSIGN(json::Document document, read_json(path));
  return checked_config(std::move(document), path.string());
}

}  // namespace

int64_t Tensor::n_elements() const {
  int64_t n = 1;
  for (const int64_t dim : shape) n *= dim;
  return n;
}

std::string_view type_name(const Tensor& tensor) {
  return tensor.packing ? packing_name(*tensor.packing) : kernels::name(tensor.dtype);
}

std::string Tensor::shape_text() const {
  return weights::shape_text(shape);
}

struct Checkpoint::Impl {
  struct Shard {
    MappedFile file;
    Header header;  // tensors' names point into it; empty of a GGUF file
  };
  struct Sidecar {
    std::optional<json::Document> document;  // empty: there is no such file
  };

  fs::path folder;
  std::optional<GgufModel> gguf;  // tensors' names point into it
  json::Document config;
  std::vector<std::string> files;
  std::vector<Shard> shards;
  std::vector<Tensor> tensors;
  std::vector<SkippedTensor> skipped;
  std::vector<std::unique_ptr<std::byte[]>> copies;  // of tensors that are not aligned in their file
  size_t n_copied_bytes = 0;
  size_t total_bytes = 0;

  std::mutex sidecars_mutex;
  std::map<std::string, Sidecar, std::less<>> sidecars;

  [[nodiscard]] std::string path_of(size_t file) const {
    return gguf ? folder.string() : (folder / files[file]).string();
  }

  // The one file, its metadata and tensors.
  Status open_gguf() {
    files.push_back(folder.filename().string());
    LODE_ASSIGN(MappedFile file, MappedFile::open(folder));
    LODE_ASSIGN(const gguf::File head, gguf::parse(file.bytes(), folder.string()));
    LODE_ASSIGN(gguf, read_gguf_model(head, folder.string()));
    const std::string what = folder.string() + ": config.json";
    LODE_ASSIGN(json::Document document, parse_json(gguf->files["config.json"], what));
    LODE_ASSIGN(config, checked_config(std::move(document), what));
    shards.push_back({std::move(file), {}});
    return {};
  }

  Status open_shards() {
    shards.reserve(files.size());
    for (size_t i = 0; i < files.size(); ++i) {
      auto file = MappedFile::open(folder / files[i]);
      if (!file && file.error().code == Code::not_found) {
        return fail(Code::not_found,
                    is_there(folder / files[i]) ? fmt::format("{} is a link that leads nowhere", path_of(i))
                                                : fmt::format("{} is missing, {} lists it", path_of(i), kIndexFile),
                    "Download the missing file, or the whole model again");
      }
      if (!file) return std::unexpected(file.error());
      LODE_ASSIGN(Header header, parse_safetensors(file->bytes(), path_of(i)));
      shards.push_back({std::move(*file), std::move(header)});
    }
    return {};
  }

  // Every tensor of every shard is in the index under that shard, and every tensor of the index is in its shard.
  [[nodiscard]] Status check_against(const ShardIndex& index) const {
    const std::string hint = "The shards and the index are of different checkpoints; download them again";
    size_t n_found = 0;
    for (size_t i = 0; i < shards.size(); ++i) {
      for (const HeaderEntry& entry : shards[i].header.entries) {
        const ShardIndex::Row* const row = index.find(entry.name);
        if (row == nullptr || row->file != i) {
          return fail(Code::corrupt,
                      fmt::format("{} holds tensor {}, but {} lists it {}", path_of(i), shown(entry.name), kIndexFile,
                                  row == nullptr ? "nowhere" : "in " + shown(files[row->file])),
                      hint);
        }
        ++n_found;
      }
    }
    if (n_found == index.rows.size()) return {};  // names are unique on both sides
    for (const ShardIndex::Row& row : index.rows) {
      const auto& entries = shards[row.file].header.entries;
      if (std::ranges::find(entries, row.tensor, &HeaderEntry::name) == entries.end()) {
        return fail(Code::corrupt,
                    fmt::format("{} lists tensor {} in {}, which does not hold it", (folder / kIndexFile).string(),
                                shown(row.tensor), shown(files[row.file])),
                    hint);
      }
    }
    return {};
  }

  // `sized`: the file's reader knows the type, so that n_bytes is what the shape takes.
  void add_tensor(Tensor tensor, std::string_view type, bool sized) {
    if (tensor.packing) {
      total_bytes += tensor.n_bytes;
      tensors.push_back(std::move(tensor));
      return;
    }
    const auto dtype = kernels::find_dtype(type);
    if (!dtype || !sized) {
      skipped.push_back({tensor.name, type});
      return;
    }
    tensor.dtype = *dtype;
    // Writers before 2023 did not pad the header, and some pack mixed types tightly. The formats allow that, the
    // kernels do not, so such tensors (and only they) are copied.
    if (reinterpret_cast<uintptr_t>(tensor.data) % kernels::width(*dtype) != 0 && tensor.n_bytes > 0) {
      copies.push_back(std::make_unique_for_overwrite<std::byte[]>(tensor.n_bytes));
      std::memcpy(copies.back().get(), tensor.data, tensor.n_bytes);
      tensor.data = copies.back().get();
      n_copied_bytes += tensor.n_bytes;
    }
    total_bytes += tensor.n_bytes;
    tensors.push_back(std::move(tensor));
  }

  void collect_tensors() {
    for (size_t i = 0; i < shards.size(); ++i) {
      const std::byte* const data = shards[i].file.bytes().data() + shards[i].header.data_start;
      for (const HeaderEntry& entry : shards[i].header.entries) {
        add_tensor({entry.name, {}, entry.shape, data + entry.begin, entry.end - entry.begin, static_cast<uint32_t>(i)},
                   entry.dtype, dtype_bits(entry.dtype).has_value());
      }
    }
    if (gguf) {
      const std::byte* const data = shards.front().file.bytes().data();
      for (const GgufModel::Tensor& t : gguf->tensors) {
        add_tensor({t.name, {}, t.shape, data + t.begin, t.n_bytes, 0, t.interleaved, t.packing, t.group}, t.type,
                   true);
      }
    }
    std::ranges::sort(tensors, {}, &Tensor::name);
    std::ranges::sort(skipped, {}, &SkippedTensor::name);
    if (n_copied_bytes > 0) {
      log::warn(
          "{}: {} tensors are not aligned in their file, {} bytes were copied; saving the model again avoids that",
          folder.string(), copies.size(), n_copied_bytes);
    }
  }
};

Checkpoint::Checkpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Result<Checkpoint> Checkpoint::open(const fs::path& folder) {
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  if (gguf::is_gguf_file(folder)) {
    LODE_TRY(impl->open_gguf());
    impl->collect_tensors();
    return Checkpoint(std::move(impl));
  }
  LODE_TRY(check_folder(folder));
  LODE_ASSIGN(impl->config, read_config_file(folder));

  // The single file first where both are there, as transformers does.
  if (is_there(folder / kSingleFile)) {
    impl->files.emplace_back(kSingleFile);
    LODE_TRY(impl->open_shards());
  } else if (is_there(folder / kIndexFile)) {
    const fs::path path = folder / kIndexFile;
    LODE_ASSIGN(const std::string text, read_regular_file(path, kMaxJsonBytes));
    LODE_ASSIGN(const ShardIndex index, parse_shard_index(text, path.string()));
    impl->files = index.files;
    LODE_TRY(impl->open_shards());
    LODE_TRY(impl->check_against(index));
  } else {
    return no_weights(folder);
  }
  impl->collect_tensors();
  return Checkpoint(std::move(impl));
}

const fs::path& Checkpoint::folder() const {
  return impl_->folder;
}
std::span<const std::string> Checkpoint::files() const {
  return impl_->files;
}
std::span<const Tensor> Checkpoint::tensors() const {
  return impl_->tensors;
}
std::span<const SkippedTensor> Checkpoint::skipped() const {
  return impl_->skipped;
}
json::Value Checkpoint::config() const {
  return impl_->config.root();
}
size_t Checkpoint::total_bytes() const {
  return impl_->total_bytes;
}

namespace {

// The row of `name` in a list sorted by name, bare or behind one of the prefixes; null when absent.
template <class Row>
const Row* find_prefixed(const std::vector<Row>& rows, std::string_view name) {
  for (const std::string_view prefix : kNamePrefixes) {
    const std::string full = std::string(prefix).append(name);
    const auto it = std::ranges::lower_bound(rows, std::string_view(full), {}, &Row::name);
    if (it != rows.end() && it->name == full) return &*it;
  }
  return nullptr;
}

std::string dtype_names() {
  std::string out;
  for (const kernels::DType dtype : kernels::kDTypes) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", kernels::name(dtype));
  }
  return out;
}

}  // namespace

const Tensor* Checkpoint::find(std::string_view name) const {
  return find_prefixed(impl_->tensors, name);
}

Result<const Tensor*> Checkpoint::require(std::string_view name, std::span<const int64_t> shape) const {
  const std::string hint = "config.json and the weights are of different models, or the checkpoint is incomplete";
  const Tensor* const tensor = find(name);
  if (tensor != nullptr) {
    if (std::ranges::equal(tensor->shape, shape)) return tensor;
    return fail(Code::corrupt,
                fmt::format("{}: tensor {} has shape {}, expected {}", impl_->path_of(tensor->file),
                            shown(tensor->name), tensor->shape_text(), shape_text(shape)),
                hint);
  }
  if (const SkippedTensor* const other = find_prefixed(impl_->skipped, name)) {
    return fail(Code::unsupported,
                fmt::format("{}: tensor {} is of type {}, expected one of {}", impl_->folder.string(),
                            shown(other->name), shown(other->dtype), dtype_names()),
                "Save the model in one of these types");
  }
  return fail(Code::corrupt,
              fmt::format("{}: tensor {} {} is missing, found {} other tensors (looked for it bare and behind {})",
                          impl_->folder.string(), shown(name), shape_text(shape), impl_->tensors.size(),
                          fmt::join(std::span(kNamePrefixes).subspan(1), ", ")),
              hint);
}

Result<std::optional<json::Value>> Checkpoint::sidecar(std::string_view relative_path) const {
  const fs::path relative(relative_path);
  if (relative.empty() || relative.is_absolute() || std::ranges::find(relative, fs::path("..")) != relative.end() ||
      relative_path.contains('\0')) {
    return fail(Code::corrupt,
                fmt::format("{}: {} is not a path inside the folder", impl_->folder.string(), shown(relative_path)),
                "modules.json may name only files of its own folder");
  }
  const std::scoped_lock lock(impl_->sidecars_mutex);
  auto known = impl_->sidecars.find(relative_path);
  if (known == impl_->sidecars.end()) {
    Impl::Sidecar sidecar;
    if (impl_->gguf) {
      const auto file = impl_->gguf->files.find(relative_path);
      if (file != impl_->gguf->files.end()) {
        LODE_ASSIGN(sidecar.document,
                    parse_json(file->second, fmt::format("{}: {}", impl_->folder.string(), relative_path)));
      }
    } else if (const fs::path path = impl_->folder / relative; is_there(path)) {
      LODE_ASSIGN(sidecar.document, read_json(path));
    }
    known = impl_->sidecars.emplace(relative_path, std::move(sidecar)).first;
  }
  if (!known->second.document) return std::optional<json::Value>();
  return std::optional(known->second.document->root());
}

void Checkpoint::release(const Tensor& tensor) const {
  release(tensor, 0, tensor.n_bytes);
}

void Checkpoint::release(const Tensor& tensor, size_t begin, size_t n_bytes) const {
  const MappedFile& file = impl_->shards[tensor.file].file;
  const auto bytes = file.bytes();
  const auto offset = reinterpret_cast<uintptr_t>(tensor.data) - reinterpret_cast<uintptr_t>(bytes.data());
  if (offset < bytes.size()) file.release(tensor.data + begin, n_bytes);  // not one of the copies
}

}  // namespace lode::weights

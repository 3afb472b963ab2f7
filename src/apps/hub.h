// The Hugging Face hub, as far as getting a model goes: the list of a release's files with their sizes and checksums,
// and each file with resume and retries. HF_ENDPOINT names another hub or mirror; the token comes from HF_TOKEN, the
// file HF_TOKEN_PATH, or $HF_HOME/token (~/.cache/huggingface/token). What the hub says is checked before it is used:
// names, sizes, checksums. Main thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/http_client.h"
#include "apps/staging.h"
#include "base/error.h"

namespace lode::apps {

struct HubFile {
  std::string path;  // '/'-separated, needed and safe (model_files.h)
  uint64_t n_bytes = 0;
  std::string checksum;    // lower-case hex
  bool is_sha256 = false;  // else a git blob id

  [[nodiscard]] Digest new_digest() const { return is_sha256 ? Digest::sha256() : Digest::git_blob(n_bytes); }
};

struct Release {
  std::string id;      // "nvidia/NV-Embed-v1"
  std::string commit;  // all files come from this one
  std::vector<HubFile> files;
};

struct HubOptions {
  std::string endpoint;  // without a slash at the end
  std::string token;
  int n_retries = 5;  // after a failure that brought nothing new
  int64_t stall_seconds = 60;
};
// From the environment.
HubOptions hub_options();

class Hub {
 public:
  explicit Hub(HubOptions options) : options_(std::move(options)) {}

  // The needed files of the newest release of `id`. `name` is what the user calls it, for hints.
  Result<Release> list(std::string_view id, std::string_view name);

  // Downloads the rest of a file into `part`, which holds its first bytes or nothing. on_progress gets the file's bytes
  // so far, on_retry the reason of each new try.
  Status download(const Release& release, const HubFile& file, std::string_view name, FileWriter& part,
                  const std::function<void(uint64_t)>& on_progress,
                  const std::function<void(std::string_view)>& on_retry);

 private:
  struct Try;  // how one attempt ended
  Try attempt(const Release& release, const HubFile& file, std::string_view name, FileWriter& part,
              const std::function<void(uint64_t)>& on_progress);
  Status pause(int n_failures, int64_t asked_seconds) const;
  [[nodiscard]] Error explain(const HttpFailure& failure, std::string_view name) const;
  [[nodiscard]] Error refused(const HttpHead& head, std::string_view body, std::string_view id,
                              std::string_view name) const;

  HubOptions options_;
  HttpClient http_;
};

}  // namespace lode::apps

#include "apps/hub.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "apps/command.h"
#include "apps/model_files.h"
#include "apps/progress.h"
#include "base/json.h"
#include "base/mapped_file.h"

namespace lode::apps {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPublicHub = "https://huggingface.co";
constexpr size_t kMaxListBytes = 16 << 20;
constexpr size_t kMaxErrorBytes = 64 << 10;
constexpr int64_t kMaxPauseSeconds = 60;

std::string hub_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string trimmed(std::string text) {
  const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(std::find_if_not(text.rbegin(), text.rend(), is_space).base(), text.end());
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_space));
  return text;
}

std::string find_token() {
  if (std::string token = trimmed(hub_variable("HF_TOKEN")); !token.empty()) return token;
  fs::path path = hub_variable("HF_TOKEN_PATH");
  if (path.empty() && !hub_variable("HF_HOME").empty()) path = fs::path(hub_variable("HF_HOME")) / "token";
  if (path.empty() && !hub_variable("HOME").empty())
    path = fs::path(hub_variable("HOME")) / ".cache" / "huggingface" / "token";
  auto text = read_file(path, 4096);
  return text ? trimmed(*std::move(text)) : "";
}

bool is_hex(std::string_view text, size_t n_digits) {
  return text.size() == n_digits && std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

std::string lower_hex(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// One entry of "siblings" in the hub's answer to ?blobs=true.
Result<HubFile> read_file_entry(const json::Value& entry, std::string_view path) {
  HubFile file;
  file.path = path;
  const auto lfs = entry.get("lfs");
  const auto size = lfs && lfs->get("size") ? lfs->get("size") : entry.get("size");
  const auto n_bytes = size ? size->as_int() : std::nullopt;
  if (!n_bytes || *n_bytes < 0)
    return fail(Code::corrupt, fmt::format("the hub's list has no usable size for {}", file.path));
  file.n_bytes = static_cast<uint64_t>(*n_bytes);
  file.is_sha256 = lfs.has_value();
  const auto sum = lfs ? lfs->get("sha256") : entry.get("blobId");
  const std::string_view checksum = sum ? sum->as_string().value_or("") : "";
  if (!is_hex(checksum, file.is_sha256 ? 64 : 40))
    return fail(Code::corrupt, fmt::format("the hub's list has no usable checksum for {}", file.path));
  file.checksum = lower_hex(checksum);
  return file;
}

Result<Release> read_release(std::string_view id, std::string_view body) {
  const auto document = json::Document::parse(body, "the hub's list of files");
  if (!document) return fail(Code::corrupt, document.error().message, "Check HF_ENDPOINT");
  const json::Value root = document->root();
  Release release;
  release.id = id;
  const auto commit = root.get("sha");
  release.commit = commit ? commit->as_string().value_or("") : "";
  if (!is_hex(release.commit, 40))
    return fail(Code::corrupt, fmt::format("the hub's answer for {} names no commit", id));
  const auto siblings = root.get("siblings");
  for (const json::Value& entry : siblings ? siblings->items() : std::vector<json::Value>()) {
    const auto name = entry.get("rfilename");
    const std::string_view path = name ? name->as_string().value_or("") : "";
    if (!is_safe_path(path))
      return fail(
          Code::corrupt,
          fmt::format("the hub lists a file named {}, expected a path inside the model's folder", json::quote(path)),
          "Do not trust this hub (see HF_ENDPOINT)");
    if (!is_needed(path)) continue;
    LODE_ASSIGN(HubFile file, read_file_entry(entry, path));
    const bool repeated =
        std::ranges::any_of(release.files, [&](const HubFile& other) { return other.path == file.path; });
    if (repeated) return fail(Code::corrupt, fmt::format("the hub lists {} twice", file.path));
    release.files.push_back(std::move(file));
  }
  if (std::ranges::none_of(release.files, [](const HubFile& file) { return file.path.ends_with(".safetensors"); }))
    return fail(Code::unsupported, fmt::format("{} has no .safetensors file on the hub", id));
  // Small files first: a release that cannot be used shows early.
  std::ranges::sort(release.files, {}, [](const HubFile& file) { return std::pair(file.n_bytes, file.path); });
  return release;
}

bool worth_retrying(long status) {
  return status == 408 || status == 429 || status >= 500;
}

int64_t asked_pause(const HttpHead& head) {
  const std::string_view text = head.header("retry-after");
  int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp<int64_t>(seconds, 0, kMaxPauseSeconds);
}

// "bytes 100-199/200" -> 100 and 200.
std::optional<std::pair<uint64_t, uint64_t>> content_range(std::string_view text) {
  uint64_t first = 0;
  uint64_t total = 0;
  const size_t slash = text.find('/');
  if (!text.starts_with("bytes ") || slash == std::string_view::npos) return std::nullopt;
  text.remove_prefix(6);
  const auto [a, bad_first] = std::from_chars(text.data(), text.data() + text.size(), first);
  const auto [b, bad_total] = std::from_chars(text.data() + slash - 5, text.data() + text.size(), total);
  if (bad_first != std::errc() || bad_total != std::errc()) return std::nullopt;
  return std::pair(first, total);
}

}  // namespace

HubOptions hub_options() {
  HubOptions options;
  options.endpoint = hub_variable("HF_ENDPOINT");
  if (options.endpoint.empty()) options.endpoint = kPublicHub;
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  options.token = find_token();
  return options;
}

Error Hub::explain(const HttpFailure& failure, std::string_view name) const {
  Error error = failure.error;
  switch (failure.kind) {
    case HttpFailure::Kind::offline:
      error.message = fmt::format("cannot reach the hub at {}", error.message);
      error.hint = fmt::format(
          "Connect, set HF_ENDPOINT to a hub that can be reached, or give `lode pull {} --from DIR` a copy", name);
      break;
    case HttpFailure::Kind::broken: error.hint = "What came so far is kept: run the command again to go on"; break;
    case HttpFailure::Kind::tls:
      error.message = fmt::format("no secure connection to {}", error.message);
      error.hint = "Install ca-certificates, or check the proxy and the clock";
      break;
    case HttpFailure::Kind::refused: error.hint = "Check HF_ENDPOINT"; break;
    case HttpFailure::Kind::cancelled:
    case HttpFailure::Kind::consumer: break;
  }
  return error;
}

// A status that is not a success, in the user's words.
Error Hub::refused(const HttpHead& head, std::string_view body, std::string_view id, std::string_view name) const {
  std::string said(head.header("x-error-message"));
  if (said.empty()) {
    if (auto document = json::Document::parse(body, "error"); document) {
      if (const auto error = document->root().get("error")) said = error->as_string().value_or("");
    }
  }
  const std::string seen = fmt::format("{} answers {} for {}{}{}", host_of(options_.endpoint), head.status, id,
                                       said.empty() ? "" : ": ", said);
  const std::string page = fmt::format("{}/{}", options_.endpoint, id);
  if (head.status == 401 || head.status == 403) {
    return {Code::permission, seen,
            options_.token.empty()
                ? fmt::format("Accept the licence on {} and set HF_TOKEN to a token of your account", page)
                : fmt::format("Accept the licence on {} with the account that HF_TOKEN belongs to", page)};
  }
  if (head.status == 404)
    return {Code::not_found, seen, fmt::format("Check HF_ENDPOINT, or give `lode pull {} --from DIR` a copy", name)};
  if (head.status == 429)
    return {Code::overloaded, seen, "Too many requests: wait, or set HF_TOKEN, and run the command again"};
  if (worth_retrying(head.status))
    return {Code::unavailable, seen, "Run the command again later: what came so far is kept"};
  return {Code::io, seen, "Check HF_ENDPOINT"};
}

Status Hub::pause(int n_failures, int64_t asked_seconds) const {
  using Clock = std::chrono::steady_clock;
  const auto backoff = std::chrono::milliseconds(250) * (1 << std::min(n_failures - 1, 6));
  const auto until = Clock::now() + std::max<Clock::duration>(backoff, std::chrono::seconds(asked_seconds));
  while (Clock::now() < until) {
    if (interrupted()) return fail(Code::cancelled, "interrupted");
    std::this_thread::sleep_for(std::min<Clock::duration>(until - Clock::now(), std::chrono::milliseconds(100)));
  }
  return {};
}

Result<Release> Hub::list(std::string_view id, std::string_view name) {
  HttpRequest request;
  request.url = fmt::format("{}/api/models/{}/revision/main?blobs=true", options_.endpoint, encode_path(id));
  request.bearer = options_.token;
  request.stall_seconds = options_.stall_seconds;
  for (int n_failures = 0;;) {
    std::string body;
    const auto head = http_.send(
        request, [](const HttpHead&) { return Status(); },
        [&](std::span<const std::byte> bytes) -> Status {
          if (body.size() + bytes.size() > kMaxListBytes)
            return fail(Code::too_large,
                        fmt::format("the hub's list of files is longer than {}", format_bytes(kMaxListBytes)));
          body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
          return {};
        });
    if (head && head->status == 200) {
      if (head->header("content-type").starts_with("text/html"))
        return fail(Code::io, fmt::format("{} answers with a web page, expected a list of files", host_of(head->url)),
                    "Check HF_ENDPOINT, and whether a proxy asks for a login");
      return read_release(id, body);
    }
    const bool again = head ? worth_retrying(head->status) : head.error().kind == HttpFailure::Kind::broken;
    if (!again || n_failures >= options_.n_retries)
      return std::unexpected(head ? refused(*head, body, id, name) : explain(head.error(), name));
    LODE_TRY(pause(++n_failures, head ? asked_pause(*head) : 0));
  }
}

struct Hub::Try {
  Status status;
  bool retry = false;
  int64_t asked_seconds = 0;
};

Hub::Try Hub::attempt(const Release& release, const HubFile& file, std::string_view name, FileWriter& part,
                      const std::function<void(uint64_t)>& on_progress) {
  HttpRequest request;
  request.url = fmt::format("{}/{}/resolve/{}/{}", options_.endpoint, encode_path(release.id), release.commit,
                            encode_path(file.path));
  request.bearer = options_.token;
  request.stall_seconds = options_.stall_seconds;
  if (part.size() > 0) request.range_from = part.size();
  bool keep_body = false;  // an error's text
  std::string body;
  const auto head = http_.send(
      request,
      [&](const HttpHead& seen) -> Status {
        keep_body = seen.status != 200 && seen.status != 206;
        if (keep_body) return {};
        if (seen.header("content-type").starts_with("text/html"))
          return fail(Code::io,
                      fmt::format("{} answers with a web page, expected the file {}", host_of(seen.url), file.path),
                      "Check HF_ENDPOINT, and whether a proxy asks for a login");
        if (seen.status == 206 && part.size() > 0) {
          if (content_range(seen.header("content-range")) == std::pair(part.size(), file.n_bytes)) return {};
          return fail(Code::corrupt,
                      fmt::format("{} sends \"{}\" of {}, expected the bytes from {} of {}", host_of(seen.url),
                                  seen.header("content-range"), file.path, part.size(), file.n_bytes));
        }
        return part.size() > 0 ? part.restart() : Status();  // the whole file, though a part was asked for
      },
      [&](std::span<const std::byte> bytes) -> Status {
        if (keep_body) {
          body.append(reinterpret_cast<const char*>(bytes.data()),
                      std::min(bytes.size(), kMaxErrorBytes - body.size()));
          return {};
        }
        if (bytes.size() > file.n_bytes - part.size())
          return fail(Code::corrupt,
                      fmt::format("{} is longer than the {} bytes that the hub lists", file.path, file.n_bytes));
        LODE_TRY(part.append(bytes));
        on_progress(part.size());
        return {};
      });
  if (!head) {
    const bool again =
        head.error().kind == HttpFailure::Kind::broken || head.error().kind == HttpFailure::Kind::offline;
    return {std::unexpected(explain(head.error(), name)), again};
  }
  if (head->status == 416) {  // nothing there to go on with
    if (Status status = part.restart(); !status) return {status};
    return {std::unexpected(refused(*head, body, release.id, name)), true};
  }
  if (keep_body)
    return {std::unexpected(refused(*head, body, release.id, name)), worth_retrying(head->status), asked_pause(*head)};
  if (part.size() < file.n_bytes) {
    return {fail(Code::io, fmt::format("{} ended after {} of {} bytes", file.path, part.size(), file.n_bytes)), true};
  }
  return {};
}

Status Hub::download(const Release& release, const HubFile& file, std::string_view name, FileWriter& part,
                     const std::function<void(uint64_t)>& on_progress,
                     const std::function<void(std::string_view)>& on_retry) {
  if (part.size() > file.n_bytes) LODE_TRY(part.restart());
  for (int n_failures = 0; part.size() < file.n_bytes;) {
    const uint64_t before = part.size();
    const Try end = attempt(release, file, name, part, on_progress);
    if (end.status) return {};
    if (part.size() > before) n_failures = 0;
    if (!end.retry || n_failures >= options_.n_retries) return end.status;
    on_retry(end.status.error().message);
    LODE_TRY(pause(++n_failures, end.asked_seconds));
  }
  return {};
}

}  // namespace lode::apps

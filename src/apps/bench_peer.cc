#include "apps/bench_peer.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "apps/child.h"
#include "base/json.h"

namespace lode::apps {
namespace {

constexpr std::string_view kSeparator = "<#sep#>";
constexpr std::string_view kForm = "write NAME=PATH[,model=FILE][,flags=WORDS]";

std::vector<std::string> flag_words(std::string_view text) {
  std::vector<std::string> out;
  size_t at = 0;
  while ((at = text.find_first_not_of(' ', at)) != std::string_view::npos) {
    const size_t end = std::min(text.find(' ', at), text.size());
    out.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}

std::vector<std::string> peer_command(const Peer& peer, const std::vector<std::string>& rest) {
  std::vector<std::string> out = {peer.program};
  out.insert(out.end(), peer.flags.begin(), peer.flags.end());
  if (!peer.model.empty()) {
    out.emplace_back(peer.kind == PeerKind::program ? "--model" : "-m");
    out.push_back(peer.model.string());
  }
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

// "llama 7B Q8_0", "llama ?B BF16", "llama 7B Q4_K - Medium": what follows the size.
std::string stored_type(std::string_view model_type) {
  for (int word = 0; word < 2; ++word) {
    const size_t space = model_type.find(' ');
    if (space == std::string_view::npos) return std::string(model_type);
    model_type.remove_prefix(space + 1);
  }
  return std::string(model_type.substr(0, model_type.find(" - ")));
}

Result<double> positive_member(std::optional<json::Value> value, std::string_view key) {
  const auto number = value ? value->as_double() : std::nullopt;
  if (!number || !std::isfinite(*number) || *number <= 0) {
    return fail(Code::corrupt, fmt::format("its answer has no positive \"{}\"", key));
  }
  return *number;
}

}  // namespace

Result<Peer> parse_peer(std::string_view text) {
  const size_t equals = text.find('=');
  Peer peer;
  if (equals == std::string_view::npos || equals == 0) {
    return fail(Code::invalid_argument, fmt::format("--against {}: no name", text), std::string(kForm));
  }
  peer.name = text.substr(0, equals);
  std::string_view rest = text.substr(equals + 1);
  const size_t flags = rest.find(",flags=");
  if (flags != std::string_view::npos) {
    peer.flags = flag_words(rest.substr(flags + 7));
    rest = rest.substr(0, flags);
  }
  const size_t model = rest.find(",model=");
  if (model != std::string_view::npos) {
    peer.model = rest.substr(model + 7);
    rest = rest.substr(0, model);
    if (peer.model.empty()) {
      return fail(Code::invalid_argument, fmt::format("--against {}: model= names no file", text), std::string(kForm));
    }
  }
  if (rest.empty() || rest.find(',') != std::string_view::npos) {
    return fail(Code::invalid_argument, fmt::format("--against {}: \"{}\" is no program", text, rest),
                std::string(kForm));
  }
  peer.program = rest;
  return peer;
}

Result<PeerKind> peer_kind(std::string_view help) {
  const auto says = [&](std::string_view option) { return help.find(option) != std::string_view::npos; };
  if (says("--n-prompt") && says("--n-gen")) return PeerKind::llama_bench;
  if (says("--embd-separator")) return PeerKind::llama_embedding;
  if (says("--texts") && says("--each") && says("--threads")) return PeerKind::program;
  return fail(Code::unsupported,
              "it is neither llama-bench, nor llama-embedding, nor does its --help name --texts, --each and --threads",
              "docs/performance.md says what a program needs to be compared with");
}

Status recognise(Peer& peer) {
  std::vector<std::string> arguments = {peer.program};
  arguments.insert(arguments.end(), peer.flags.begin(), peer.flags.end());
  arguments.emplace_back("--help");
  LODE_ASSIGN(const auto help, run_child(arguments));
  const auto kind = peer_kind(help.output);
  if (!kind) {
    const std::string said = help.message.empty() ? "" : fmt::format(" (it says: {})", help.message);
    return fail(kind.error().code, fmt::format("--against {}: {}{}", peer.name, kind.error().message, said),
                kind.error().hint);
  }
  peer.kind = *kind;
  return {};
}

std::vector<std::string> pass_command(const Peer& peer, int64_t n_tokens, int n_threads, int runs) {
  // The whole pass at once, as our own is computed.
  return peer_command(peer, {"-p", fmt::format("{}", n_tokens), "-n", "0", "-r", fmt::format("{}", runs), "-t",
                             fmt::format("{}", n_threads), "-b", fmt::format("{}", std::max<int64_t>(n_tokens, 2048)),
                             "-ub", fmt::format("{}", std::max<int64_t>(n_tokens, 512)), "-o", "json"});
}

Result<PeerAnswer> read_pass(std::string_view output, int64_t n_tokens) {
  // Builds may talk on stdout before and after: the answer is the array whose bracket stands alone on its line.
  size_t begin = output.starts_with("[\n") ? 0 : output.find("\n[\n");
  if (begin != 0 && begin != std::string_view::npos) ++begin;
  const size_t end = output.rfind("\n]");
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) {
    return fail(Code::corrupt, "it printed no JSON array");
  }
  LODE_ASSIGN(const auto document, json::Document::parse(output.substr(begin, end + 2 - begin), "its answer"));
  for (const json::Value& test : document.root().items()) {
    const auto prompt = test.find("n_prompt");
    const auto generated = test.find("n_gen");
    if (!prompt || prompt->as_int() != n_tokens || !generated || generated->as_int() != 0) continue;
    LODE_ASSIGN(const double rate, positive_member(test.find("avg_ts"), "avg_ts"));
    const auto type = test.find("model_type");
    return PeerAnswer{rate, stored_type(type && type->as_string() ? *type->as_string() : "")};
  }
  return fail(Code::corrupt, fmt::format("it ran no pass of {} tokens", n_tokens));
}

std::vector<std::string> texts_command(const Peer& peer, const std::filesystem::path& texts, int n_threads, bool each) {
  const std::string threads = fmt::format("{}", n_threads);
  if (peer.kind == PeerKind::llama_embedding) {
    return peer_command(peer, {"-f", texts.string(), "--embd-separator", std::string(kSeparator), "--embd-normalize",
                               "2", "--embd-output-format", "array", "-t", threads});
  }
  std::vector<std::string> rest = {"--texts", texts.string(), "--threads", threads};
  if (each) rest.emplace_back("--each");
  return peer_command(peer, rest);
}

Result<PeerAnswer> read_texts_answer(std::string_view output, bool each) {
  const size_t last = output.find_last_not_of(" \t\r\n");
  if (last == std::string_view::npos) return fail(Code::corrupt, "it printed nothing");
  std::string_view line = output.substr(0, last + 1);
  line = line.substr(line.rfind('\n') + 1);
  LODE_ASSIGN(const auto document, json::Document::parse(line, "its answer"));
  const std::string_view key = each ? "p50_ms" : "texts_per_second";
  LODE_ASSIGN(const double value, positive_member(document.root().find(key), key));
  const auto dtype = document.root().find("dtype");
  return PeerAnswer{value, std::string(dtype && dtype->as_string() ? *dtype->as_string() : "")};
}

std::string texts_file(PeerKind kind, const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    if (kind == PeerKind::program) {
      out += json::quote(text) + "\n";
    } else {
      if (!out.empty()) out += kSeparator;
      out += text;
    }
  }
  return out;
}

}  // namespace lode::apps

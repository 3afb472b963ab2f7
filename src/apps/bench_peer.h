// Other engines that `lode bench model --against` runs beside a model: how the user names one, what it is, how it is
// called and what it answers. Everything but the running itself is pure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace lode::apps {

enum class PeerKind : uint8_t {
  llama_bench,      // of llama.cpp or ik_llama.cpp: tokens a second of a pass
  llama_embedding,  // of either: a file of texts, timed from outside
  program,          // any other that follows the protocol of docs/performance.md
};

struct Peer {
  std::string name;
  std::string program;
  std::filesystem::path model;     // empty: the flags say it
  std::vector<std::string> flags;  // go in front of ours
  PeerKind kind = PeerKind::program;
};

// NAME=PATH[,model=FILE][,flags=WORDS]; flags are the rest of the text, words separated by spaces.
// Error: invalid_argument.
Result<Peer> parse_peer(std::string_view text);

// By what it prints for --help. Error: unsupported.
Result<PeerKind> peer_kind(std::string_view help);
// Runs `PROGRAM FLAGS --help` and fills in `kind`.
Status recognise(Peer& peer);

struct PeerAnswer {
  double value = 0;   // tokens or texts a second, or milliseconds
  std::string dtype;  // "Q8_0"; may be empty
};

// Tokens a second of passes of n_tokens, `runs` of them after one that is not counted.
std::vector<std::string> pass_command(const Peer& peer, int64_t n_tokens, int n_threads, int runs);
Result<PeerAnswer> read_pass(std::string_view output, int64_t n_tokens);

// Texts: a file as write_texts() writes it for this kind. `each`: one text a call, its median in milliseconds.
std::vector<std::string> texts_command(const Peer& peer, const std::filesystem::path& texts, int n_threads, bool each);
// A program's answer: the last line that is a JSON object, with "texts_per_second" or, for `each`, "p50_ms"; "dtype" if
// it likes.
Result<PeerAnswer> read_texts_answer(std::string_view output, bool each);
// One JSON string a line for a program; plain texts with a separator between them for llama-embedding.
std::string texts_file(PeerKind kind, const std::vector<std::string>& texts);

}  // namespace lode::apps

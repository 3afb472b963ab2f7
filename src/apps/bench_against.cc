// A model and other engines in turn: ours, a peer, ours, the next one ..., in one process that measures the machine's
// peak around every turn. A turn of ours and the peer's after it are a pair; pairs that were disturbed are run again.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "apps/bench.h"
#include "apps/bench_peer.h"
#include "apps/bench_rounds.h"
#include "apps/bench_texts.h"
#include "apps/child.h"
#include "apps/process.h"
#include "apps/staging.h"
#include "kernels/cpu.h"

namespace lode::apps {
namespace {

using Steady = std::chrono::steady_clock;

double seconds_from(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

// What is compared: a value of ours and of each peer, a rate or a time.
struct Contest {
  std::string what;   // "pass"
  std::string shape;  // "512 tokens"
  std::string unit;
  double operations = 0;  // of one unit; 0: no share of the peak is shown
  std::function<Result<double>()> ours;
  std::function<Result<PeerAnswer>(const Peer&)> theirs;
  std::vector<const Peer*> peers;
};

// A file of texts for other programs, removed at the end.
class TextsFile {
 public:
  static Result<TextsFile> write(PeerKind kind, const std::vector<std::string>& texts) {
    std::string name = (std::filesystem::temp_directory_path() / "lode-bench-XXXXXX").string();
    const int file = ::mkstemp(name.data());
    if (file == -1) return fail(Code::io, "cannot make a temporary file for texts");
    ::close(file);
    TextsFile out(name);
    std::ofstream stream(name, std::ios::binary);
    stream << texts_file(kind, texts);
    stream.close();
    if (!stream) return fail(Code::io, fmt::format("cannot write {}", name));
    return out;
  }
  TextsFile(TextsFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ~TextsFile() {
    if (!path_.empty()) std::remove(path_.c_str());
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit TextsFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

Result<ChildResult> answer_of(const Peer& peer, const std::vector<std::string>& arguments) {
  LODE_ASSIGN(auto result, run_child(arguments));
  if (interrupted()) return fail(Code::cancelled, "interrupted");
  if (result.exit_code != 0) {
    return fail(Code::io, fmt::format("{}: {} ended with exit code {}: {}", peer.name, peer.program, result.exit_code,
                                      result.message));
  }
  return result;
}

template <class T>
Result<T> said_by(const Peer& peer, Result<T> answer) {
  if (answer) return answer;
  return fail(answer.error().code, fmt::format("{}: {}", peer.name, answer.error().message), answer.error().hint);
}

int64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  int64_t kilobytes = 0;
  std::string unit;
  while (file >> key >> kilobytes) {
    if (key == "MemAvailable:") return kilobytes * 1024;
    std::getline(file, unit);
  }
  return INT64_MAX;
}

class Against {
 public:
  Against(const BenchOptions& options, const Globals& globals, std::vector<Peer> peers, std::vector<BenchRow>& rows)
      : options_(options), globals_(globals), peers_(std::move(peers)), rows_(rows) {}

  Status open() {
    const auto start = Steady::now();
    LODE_ASSIGN(embedder_, open_embedder(options_.model, globals_));
    if (!work_) {
      LODE_ASSIGN(const kernels::Kernels* path, kernels::select());
      pool_ = std::make_unique<ThreadPool>(embedder_->n_threads());
      context_ = std::make_unique<kernels::Context>(*path, *pool_);
      arithmetic_ = embedder_->arithmetic();
      work_ = std::make_unique<FloatingWork>(embedder_->config());
      rows_.push_back({"load", embedder_->config().family, dtype(), 1e3 * seconds_from(start), "ms", {}, 0});
    }
    return {};
  }

  Status run() {
    LODE_TRY(passes());
    return texts();
  }

 private:
  [[nodiscard]] std::string dtype() const { return std::string(model::name(arithmetic_)); }

  [[nodiscard]] std::vector<const Peer*> peers_of(std::initializer_list<PeerKind> kinds) const {
    std::vector<const Peer*> out;
    for (const Peer& peer : peers_) {
      if (std::ranges::find(kinds, peer.kind) != kinds.end()) out.push_back(&peer);
    }
    return out;
  }

  double peak() {
    const double now = measure_peak(*context_, arithmetic_);
    best_peak_ = std::max(best_peak_, now);
    return now;
  }

  template <class F>
  Result<Turn> turn(const F& body) {
    Turn out;
    const double before = peak();
    LODE_ASSIGN(const CpuTimes start, cpu_times());
    LODE_ASSIGN(out.value, body());
    LODE_ASSIGN(const CpuTimes end, cpu_times());
    const double after = peak();
    out.peak = std::max(before, after);
    out.calibration = std::min(before, after);
    out.foreign = foreign_share(start, end);
    return out;
  }

  // A peer's weights beside ours must fit, or each would push the other's out of memory: then ours go while it runs.
  void make_room(const Peer& peer) {
    std::error_code error;
    const auto file_bytes = static_cast<double>(std::filesystem::file_size(peer.model, error));
    if (!error && static_cast<double>(available_memory()) < 1.2 * file_bytes) embedder_.reset();
  }

  Status contest(const Contest& contest) {
    std::vector<Round> rounds;
    std::vector<std::string> dtypes(contest.peers.size());
    for (int i = 0; i < 2 * options_.repetitions && !enough(rounds, contest.peers.size()); ++i) {
      Round round;
      if (!embedder_) LODE_TRY(open());
      LODE_ASSIGN(round.ours, turn(contest.ours));
      std::string said = fmt::format("{}: lodestone {:.4g}", contest.what, round.ours.value);
      for (size_t k = 0; k < contest.peers.size(); ++k) {
        const Peer& peer = *contest.peers[k];
        make_room(peer);
        LODE_ASSIGN(const Turn theirs, turn([&]() -> Result<double> {
                      LODE_ASSIGN(const PeerAnswer answer, said_by(peer, contest.theirs(peer)));
                      dtypes[k] = answer.dtype;
                      return answer.value;
                    }));
        round.peers.push_back(theirs);
        said += fmt::format(", {} {:.4g}", peer.name, theirs.value);
      }
      said += fmt::format(" {}", contest.unit);
      said += trouble("lodestone", round.ours);
      for (size_t k = 0; k < round.peers.size(); ++k) said += trouble(contest.peers[k]->name, round.peers[k]);
      rounds.push_back(std::move(round));
      if (!globals_.quiet) print_message(said);
      if (interrupted()) return fail(Code::cancelled, "interrupted");
    }
    return report(contest, rounds, dtypes);
  }

  [[nodiscard]] std::string trouble(const std::string& name, const Turn& one) const {
    if (quiet(one, best_peak_)) return {};
    return fmt::format("; {} was disturbed: peak at {:.0f} % of the best, others on {:.0f} % of the CPUs", name,
                       100 * one.calibration / best_peak_, 100 * one.foreign);
  }

  [[nodiscard]] bool enough(const std::vector<Round>& rounds, size_t n_peers) const {
    for (size_t k = 0; k < n_peers; ++k) {
      const Verdict verdict = judge(rounds, k, best_peak_, options_.keep_disturbed);
      if (static_cast<int>(verdict.ratios.size()) < options_.repetitions) return false;
    }
    return true;
  }

  Status report(const Contest& contest, const std::vector<Round>& rounds, const std::vector<std::string>& dtypes) {
    const auto row = [&](const std::string& name, const std::string& type, const Verdict& verdict) {
      const Spread values = spread(verdict.values);
      std::optional<double> percent;
      if (contest.operations > 0) percent = 100 * spread(verdict.shares).median * contest.operations / 1e9;
      rows_.push_back({fmt::format("{}, {}", contest.what, name), contest.shape, type, values.median, contest.unit,
                       percent, values.noise});
    };
    const Verdict ours = judge_ours(rounds, best_peak_, options_.keep_disturbed);
    if (!ours.values.empty()) row("lodestone", dtype(), ours);
    size_t n_counted = 0;
    for (size_t k = 0; k < contest.peers.size(); ++k) {
      const std::string& name = contest.peers[k]->name;
      const Verdict verdict = judge(rounds, k, best_peak_, options_.keep_disturbed);
      if (!verdict.ratios.empty()) {
        row(name, dtypes[k], verdict);
        const Spread ratio = spread(verdict.ratios);
        rows_.push_back({fmt::format("{}, lodestone over {}", contest.what, name),
                         contest.shape,
                         dtype(),
                         ratio.median,
                         "x",
                         {},
                         ratio.noise});
      }
      n_counted += verdict.ratios.size();
      rows_.push_back({fmt::format("{}, discarded beside {}", contest.what, name),
                       fmt::format("of {}", rounds.size()),
                       dtype(),
                       static_cast<double>(verdict.discarded),
                       "rounds",
                       {},
                       0});
    }
    if (n_counted == 0) {
      return fail(Code::unavailable,
                  fmt::format("{}: every round was disturbed by others on this machine", contest.what),
                  "Run it again when they are done, or with --keep-disturbed to see what comes out");
    }
    return {};
  }

  // A pass of exactly --seq tokens, beside llama-bench.
  Status passes() {
    const auto peers = peers_of({PeerKind::llama_bench});
    if (peers.empty()) return {};
    const int64_t n = options_.seq;
    std::vector<int64_t> ids(static_cast<size_t>(n));
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(1000 + i * 37 % 20000);
    int runs = 1;
    const auto ours = [&]() -> Result<double> {
      LODE_ASSIGN(const auto sequence, embedder_->from_ids(ids, n, embed::Truncate::none));
      std::vector<float> vector(static_cast<size_t>(embedder_->dims()));
      LODE_TRY(embedder_->compute(std::span(&sequence, 1), vector));  // not counted, as llama-bench's first one
      const auto start = Steady::now();
      int done = 0;
      double seconds = 0;
      while (done == 0 || (seconds < 1 && done < 1000)) {
        LODE_TRY(embedder_->compute(std::span(&sequence, 1), vector));
        ++done;
        seconds = seconds_from(start);
      }
      runs = done;
      return static_cast<double>(n) * done / seconds;
    };
    const auto theirs = [&](const Peer& peer) -> Result<PeerAnswer> {
      LODE_ASSIGN(const auto result, answer_of(peer, pass_command(peer, n, pool_->n_threads(), runs)));
      return read_pass(result.output, n);
    };
    return contest({"pass", fmt::format("{} tokens", n), "tok/s",
                    work_->of_length(static_cast<double>(n)) / static_cast<double>(n), ours, theirs, peers});
  }

  // Texts to vectors, beside llama-embedding and programs of the protocol.
  Status texts() {
    const auto peers = peers_of({PeerKind::llama_embedding, PeerKind::program});
    if (peers.empty()) return {};
    LODE_ASSIGN(const auto workload, bench_workload(options_.texts, options_.seq, *work_));
    for (const BenchTexts& one : workload.throughput) LODE_TRY(throughput(one, peers));
    const auto programs = peers_of({PeerKind::program});
    return programs.empty() ? Status() : queries(workload.queries, programs);
  }

  Status throughput(const BenchTexts& work, const std::vector<const Peer*>& peers) {
    LODE_ASSIGN(const TextsFile for_programs, TextsFile::write(PeerKind::program, work.texts));
    LODE_ASSIGN(const TextsFile one_text, TextsFile::write(PeerKind::llama_embedding, {"a"}));
    LODE_ASSIGN(const auto sequences, tokenize(work.texts));
    LODE_ASSIGN(const TextsFile for_llama, TextsFile::write(PeerKind::llama_embedding, as_read(work.texts, sequences)));
    const auto n = static_cast<double>(work.texts.size());
    size_t n_tokens = 0;
    for (const auto& sequence : sequences) n_tokens += sequence.ids.size();
    const auto ours = [&]() -> Result<double> {
      std::vector<float> vectors(work.texts.size() * static_cast<size_t>(embedder_->dims()));
      const size_t n_warm = std::min<size_t>(sequences.size(), 64);
      LODE_TRY(embedder_->compute(std::span(sequences).first(n_warm),
                                  std::span(vectors).first(n_warm * static_cast<size_t>(embedder_->dims()))));
      const auto start = Steady::now();
      LODE_ASSIGN(const auto again, tokenize(work.texts));
      LODE_TRY(embedder_->compute(again, vectors));
      return n / seconds_from(start);
    };
    const auto theirs = [&](const Peer& peer) -> Result<PeerAnswer> {
      if (peer.kind == PeerKind::program) {
        LODE_ASSIGN(const auto result,
                    answer_of(peer, texts_command(peer, for_programs.path(), pool_->n_threads(), false)));
        return read_texts_answer(result.output, false);
      }
      // Its start and its loading are not what is compared: the same with one letter to embed is taken off.
      LODE_ASSIGN(const auto bare, answer_of(peer, texts_command(peer, one_text.path(), pool_->n_threads(), false)));
      LODE_ASSIGN(const auto whole, answer_of(peer, texts_command(peer, for_llama.path(), pool_->n_threads(), false)));
      if (whole.seconds <= bare.seconds) return fail(Code::unavailable, "too few texts to be timed beside its start");
      return PeerAnswer{n / (whole.seconds - bare.seconds), ""};
    };
    return contest({work.what,
                    fmt::format("{} texts, {:.1f} tokens each", work.texts.size(), static_cast<double>(n_tokens) / n),
                    "texts/s", work_->of(sequences) / n, ours, theirs, peers});
  }

  Status queries(const std::vector<std::string>& queries, const std::vector<const Peer*>& peers) {
    LODE_ASSIGN(const TextsFile file, TextsFile::write(PeerKind::program, queries));
    const auto ours = [&]() -> Result<double> {
      std::vector<float> vector(static_cast<size_t>(embedder_->dims()));
      std::vector<double> ms;
      for (size_t i = 0; i < queries.size() + 30; ++i) {  // the first 30 are not counted
        const auto start = Steady::now();
        LODE_ASSIGN(const auto sequence, embedder_->tokenize(queries[i % queries.size()], "", 0, embed::Truncate::end));
        LODE_TRY(embedder_->compute(std::span(&sequence, 1), vector));
        if (i >= 30) ms.push_back(1e3 * seconds_from(start));
      }
      return spread(std::move(ms)).median;
    };
    const auto theirs = [&](const Peer& peer) -> Result<PeerAnswer> {
      LODE_ASSIGN(const auto result, answer_of(peer, texts_command(peer, file.path(), pool_->n_threads(), true)));
      return read_texts_answer(result.output, true);
    };
    return contest({"query p50", fmt::format("{} texts, one a call", queries.size()), "ms", 0, ours, theirs, peers});
  }

  // The whole words of each text that are within the model's limit: llama-embedding cuts nothing, and aborts on a text
  // of more tokens than its model has positions.
  std::vector<std::string> as_read(const std::vector<std::string>& texts,
                                   const std::vector<embed::TokenSequence>& sequences) const {
    std::vector<std::string> out = texts;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (std::cmp_equal(sequences[i].ids.size(), sequences[i].n_tokens_before_cut)) continue;
      std::vector<size_t> ends;  // of words
      for (size_t at = texts[i].find(' '); at != std::string::npos; at = texts[i].find(' ', at + 1)) {
        ends.push_back(at);
      }
      const auto fits = [&](size_t end) {
        return embedder_->tokenize(std::string_view(texts[i]).substr(0, end), "", 0, embed::Truncate::none).has_value();
      };
      const auto first_over = std::ranges::partition_point(ends, fits);
      if (first_over != ends.begin()) out[i].resize(*std::prev(first_over));
    }
    return out;
  }

  Result<std::vector<embed::TokenSequence>> tokenize(const std::vector<std::string>& texts) {
    if (!embedder_) LODE_TRY(open());
    std::vector<embed::TokenSequence> sequences;
    sequences.reserve(texts.size());
    for (const std::string& text : texts) {
      LODE_ASSIGN(auto sequence, embedder_->tokenize(text, "", 0, embed::Truncate::end));
      sequences.push_back(std::move(sequence));
    }
    return sequences;
  }

  const BenchOptions& options_;
  const Globals& globals_;
  const std::vector<Peer> peers_;
  std::vector<BenchRow>& rows_;
  std::unique_ptr<embed::Embedder> embedder_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<kernels::Context> context_;  // for the peak only
  std::unique_ptr<FloatingWork> work_;
  model::Arithmetic arithmetic_ = model::Arithmetic::f32;
  double best_peak_ = 0;
};

}  // namespace

Status bench_against(const BenchOptions& options, const Globals& globals, std::vector<BenchRow>& rows) {
  std::vector<Peer> peers;
  for (const std::string& text : options.against) {
    LODE_ASSIGN(Peer peer, parse_peer(text));
    LODE_TRY(recognise(peer));
    if (peer.model.empty() && peer.kind != PeerKind::program) {
      LODE_ASSIGN(peer.model, resolve_model(options.model.model));
      if (peer.model.extension() != ".gguf") {
        return fail(Code::invalid_argument, fmt::format("--against {}: it needs a GGUF file", peer.name),
                    "add ,model=FILE.gguf, or give --model a GGUF file that both read");
      }
    }
    peers.push_back(std::move(peer));
  }
  Against against(options, globals, std::move(peers), rows);
  LODE_TRY(against.open());
  return against.run();
}

}  // namespace lode::apps

// How far a long command is, on stderr: on a terminal one line redrawn in place (done/total, rate, time left),
// elsewhere a plain line every few seconds, and nothing at all when quiet. Calls are cheap: the clock decides when
// something is drawn. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lode::apps {

// shares: of no unit that would tell anybody anything; only the share and the time left are shown.
enum class Unit : unsigned char { items, bytes, shares };

// "1.5 GB", "91 MB", "512 B"; decimal, as disks and hubs count.
std::string format_bytes(uint64_t n_bytes);

struct ProgressState {
  std::string_view label;
  uint64_t done = 0;
  uint64_t total = 0;        // 0: not known
  uint64_t done_before = 0;  // part of `done` that an earlier run did: not counted in the rate
  double seconds = 0;        // since the start of this run
  Unit unit = Unit::items;
};
// "label  42 % [####......]  1.2/2.9 GB  35 MB/s  48 s left" in at most n_columns columns; the bar goes first when it
// is tight.
std::string progress_line(const ProgressState& state, int n_columns, bool bar);

class Progress {
 public:
  Progress(std::string label, uint64_t total, Unit unit, bool quiet);
  ~Progress();  // clears the terminal's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_label(std::string label);
  void set_total(uint64_t total) { total_ = total; }
  // Work that was there before the run, e.g. the kept part of a download.
  void resume_at(uint64_t done);
  // How much of what is done was there before; may grow while the work goes on.
  void set_before(uint64_t done_before) { done_before_ = done_before; }
  void set(uint64_t done);
  void add(uint64_t n) { set(done_ + n); }
  // Clears the terminal's line, so that a message can be printed; drawing goes on with the next call.
  void clear();

 private:
  void draw(bool force);

  using Clock = std::chrono::steady_clock;
  std::string label_;
  uint64_t total_;
  uint64_t done_ = 0;
  uint64_t done_before_ = 0;
  Unit unit_;
  bool quiet_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point next_;
};

}  // namespace lode::apps

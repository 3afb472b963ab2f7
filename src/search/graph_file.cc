#include "search/graph_file.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <system_error>
#include <utility>
#include <vector>
#include <xxhash.h>

#include <fmt/format.h>

namespace lode::search {
namespace {

namespace fs = std::filesystem;

// Header: magic, the stamp's four numbers, XXH3-64 of all behind the header, zeros.
constexpr std::string_view kGraphMagic = "LODEHNS1";
constexpr size_t kGraphHeaderBytes = 64;
constexpr size_t kWriteBytes = size_t{1} << 20;

// As usearch lays a graph out: this header; of each node the highest level that it is on, int16; then of each node its
// key (u64), the level once more, and a list of neighbours a level: how many (u32), and room for as many as the level
// may have (u32 each).
struct UsearchHeader {
  uint64_t n_nodes;
  uint64_t most;       // neighbours, above level 0
  uint64_t most_base;  // on level 0
  uint64_t max_level;
  uint64_t entry;
};
constexpr size_t kNodeHeadBytes = sizeof(uint64_t) + sizeof(int16_t);
constexpr uint64_t kMostNeighbours = 1024;  // more than any graph of ours has
constexpr uint64_t kMostLevels = 64;

template <class T>
T number_at(const char* bytes) {
  T out;
  std::memcpy(&out, bytes, sizeof out);
  return out;
}

}  // namespace

std::optional<GraphFile> GraphFile::open(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  Result<MappedFile> file = MappedFile::open(path);
  if (!file) return std::nullopt;
  const std::string_view bytes = file->text();
  if (bytes.size() < kGraphHeaderBytes || !bytes.starts_with(kGraphMagic)) return std::nullopt;
  std::array<uint64_t, 5> numbers{};
  std::memcpy(numbers.data(), bytes.data() + kGraphMagic.size(), sizeof numbers);
  GraphFile out;
  out.stamp_ = {.n_dims = numbers[0], .identity = numbers[1], .n_rows = numbers[2], .rows_check = numbers[3]};
  const std::string_view graph = bytes.substr(kGraphHeaderBytes);
  if (XXH3_64bits(graph.data(), graph.size()) != numbers[4] || !is_sound(graph, out.stamp_.n_rows)) return std::nullopt;
  out.file_ = *std::move(file);
  return out;
}

std::string_view GraphFile::graph() const {
  return file_.text().substr(kGraphHeaderBytes);
}

bool is_sound(std::string_view graph, size_t n_rows) {
  if (graph.size() < sizeof(UsearchHeader)) return false;
  const auto header = number_at<UsearchHeader>(graph.data());
  const uint64_t n = header.n_nodes;
  if (n == 0 || n != n_rows || n > UINT32_MAX || header.entry >= n || header.max_level >= kMostLevels) return false;
  if (header.most < 2 || header.most_base < header.most || header.most_base > kMostNeighbours) return false;
  if (n * sizeof(int16_t) > graph.size() - sizeof header) return false;
  std::vector<int16_t> levels(n);
  std::memcpy(levels.data(), graph.data() + sizeof header, n * sizeof(int16_t));
  size_t at = sizeof header + n * sizeof(int16_t);
  if (std::cmp_not_equal(levels[header.entry], header.max_level)) return false;
  for (uint64_t node = 0; node < n; ++node) {
    const int16_t level = levels[node];
    if (level < 0 || std::cmp_greater(level, header.max_level)) return false;
    const size_t n_bytes = kNodeHeadBytes + sizeof(uint32_t) * (1 + header.most_base) +
                           sizeof(uint32_t) * (1 + header.most) * static_cast<size_t>(level);
    if (n_bytes > graph.size() - at) return false;
    const char* const tape = graph.data() + at;
    if (number_at<uint64_t>(tape) >= n || number_at<int16_t>(tape + sizeof(uint64_t)) != level) return false;
    const char* list = tape + kNodeHeadBytes;
    for (int16_t here = 0; here <= level; ++here) {
      const uint64_t most = here == 0 ? header.most_base : header.most;
      const auto n_neighbours = number_at<uint32_t>(list);
      if (n_neighbours > most) return false;
      for (uint32_t i = 0; i < n_neighbours; ++i) {
        const auto neighbour = number_at<uint32_t>(list + sizeof(uint32_t) * (1 + i));
        if (neighbour >= n || (here > 0 && levels[neighbour] < here)) return false;
      }
      list += sizeof(uint32_t) * (1 + most);
    }
    at += n_bytes;
  }
  return at == graph.size();
}

void GraphFileWriter::State::operator()(XXH3_state_s* state) const {
  XXH3_freeState(state);
}
GraphFileWriter::GraphFileWriter(GraphFileWriter&& other) noexcept = default;

GraphFileWriter::~GraphFileWriter() {
  if (file_.is_open()) ::unlink(beside().c_str());
}

fs::path GraphFileWriter::beside() const {
  fs::path out = path_;
  return out += ".new";
}

Result<GraphFileWriter> GraphFileWriter::open(const fs::path& path) {
  GraphFileWriter out(path);
  const fs::path beside = out.beside();
  std::error_code error;
  fs::remove(beside, error);
  Descriptor file(::open(beside.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file.is_open()) return file_failed(beside, "open", errno);
  out.file_ = std::move(file);
  out.check_.reset(XXH3_createState());
  LODE_CHECK(out.check_ != nullptr);
  XXH3_64bits_reset(out.check_.get());
  out.end_ = kGraphHeaderBytes;
  return out;
}

Status GraphFileWriter::flush() {
  LODE_TRY(write_at(file_, beside(), waiting_, end_));
  end_ += waiting_.size();
  waiting_.clear();
  return {};
}

Status GraphFileWriter::append(std::string_view bytes) {
  XXH3_64bits_update(check_.get(), bytes.data(), bytes.size());
  waiting_ += bytes;
  return waiting_.size() < kWriteBytes ? Status() : flush();
}

Status GraphFileWriter::finish(const GraphStamp& stamp) {
  LODE_TRY(flush());
  const std::array<uint64_t, 5> numbers{stamp.n_dims, stamp.identity, stamp.n_rows, stamp.rows_check,
                                        XXH3_64bits_digest(check_.get())};
  std::string header(kGraphMagic);
  header.append(reinterpret_cast<const char*>(numbers.data()), sizeof numbers);
  header.resize(kGraphHeaderBytes);
  LODE_TRY(write_at(file_, beside(), header, 0));
  std::error_code error;
  fs::rename(beside(), path_, error);
  if (error) return file_failed(path_, "replace", error.value());
  file_ = Descriptor();
  return {};
}

}  // namespace lode::search

#include "search/outline_blob.h"

#include <utility>

#include "search/blob.h"

namespace lode::search {
namespace {

// What an entry takes at least, so that a count is known to be wrong before anything is allocated for it.
constexpr size_t kMinChunkBytes = 5;
constexpr size_t kMinSymbolBytes = 9;

// A position, told by its distance from another one, forwards or backwards; small distances are short either way.
void put_step(std::string& out, uint32_t from, uint32_t to) {
  const int64_t step = int64_t{to} - from;
  put_varint(out, static_cast<uint64_t>(step) << 1 ^ static_cast<uint64_t>(step >> 63));
}

class Steps {
 public:
  explicit Steps(BlobReader& reader) : reader_(reader) {}
  uint32_t next(uint32_t from) {
    const uint64_t coded = reader_.varint(uint64_t{UINT32_MAX} << 1 | 1);
    const int64_t to = int64_t{from} + (static_cast<int64_t>(coded >> 1) ^ -static_cast<int64_t>(coded & 1));
    fits_ = fits_ && to >= 0 && to <= int64_t{UINT32_MAX};
    return static_cast<uint32_t>(to);
  }
  // All positions were ones.
  [[nodiscard]] bool fit() const { return fits_; }

 private:
  BlobReader& reader_;
  bool fits_ = true;
};

}  // namespace

std::string pack_outline(const index::Document& document) {
  std::string out;
  put_varint(out, document.chunks.size());
  index::Chunk before;
  for (const index::Chunk& chunk : document.chunks) {
    put_step(out, before.end, chunk.begin);
    put_step(out, chunk.begin, chunk.end);
    put_step(out, before.last_line, chunk.first_line);
    put_step(out, chunk.first_line, chunk.last_line);
    put_varint(out, static_cast<uint32_t>(chunk.symbol + 1));
    before = chunk;
  }
  put_varint(out, document.symbols.size());
  uint32_t begin = 0;
  uint32_t line = 0;
  for (const code::Symbol& symbol : document.symbols) {
    put_text(out, symbol.name);
    put_text(out, symbol.scope);
    put_varint(out, static_cast<uint64_t>(symbol.kind));
    put_step(out, begin, symbol.begin);
    put_step(out, symbol.begin, symbol.end);
    put_step(out, symbol.begin, symbol.name_at);
    put_step(out, line, symbol.line);
    put_step(out, symbol.line, symbol.end_line);
    put_varint(out, static_cast<uint32_t>(symbol.parent + 1));
    begin = symbol.begin;
    line = symbol.line;
  }
  return sealed(out);
}

Result<Outline> unpack_outline(std::string_view packed, uint64_t n_bytes) {
  const auto bytes = unsealed(packed);
  if (!bytes) return fail(Code::corrupt, "the outline of a file does not match its check value");
  BlobReader reader(*bytes);
  Steps steps(reader);
  Outline out;
  bool fits = true;
  const uint64_t n_chunks = reader.varint(bytes->size() / kMinChunkBytes);
  out.chunks.reserve(n_chunks);
  index::Chunk chunk;
  for (uint64_t i = 0; i < n_chunks; ++i) {
    chunk.begin = steps.next(chunk.end);
    chunk.end = steps.next(chunk.begin);
    chunk.first_line = steps.next(chunk.last_line);
    chunk.last_line = steps.next(chunk.first_line);
    chunk.symbol = static_cast<int32_t>(reader.varint(INT32_MAX)) - 1;
    fits = fits && chunk.begin <= chunk.end && chunk.end <= n_bytes && chunk.first_line <= chunk.last_line;
    out.chunks.push_back(chunk);
  }
  const uint64_t n_symbols = reader.varint(bytes->size() / kMinSymbolBytes);
  out.symbols.reserve(n_symbols);
  uint32_t begin = 0;
  uint32_t line = 0;
  for (uint64_t i = 0; i < n_symbols; ++i) {
    code::Symbol symbol;
    symbol.name = reader.text();
    symbol.scope = reader.text();
    symbol.kind = static_cast<code::SymbolKind>(reader.varint(code::kSymbolKinds - 1));
    symbol.begin = begin = steps.next(begin);
    symbol.end = steps.next(symbol.begin);
    symbol.name_at = steps.next(symbol.begin);
    symbol.line = line = steps.next(line);
    symbol.end_line = steps.next(symbol.line);
    symbol.parent = static_cast<int32_t>(reader.varint(INT32_MAX)) - 1;
    fits = fits && symbol.begin <= symbol.end && symbol.end <= n_bytes && symbol.name_at <= n_bytes &&
           symbol.parent < static_cast<int64_t>(i);
    out.symbols.push_back(std::move(symbol));
  }
  for (const index::Chunk& each : out.chunks) fits = fits && each.symbol < static_cast<int64_t>(n_symbols);
  if (!reader.done() || !steps.fit() || !fits) return fail(Code::corrupt, "the outline of a file contradicts itself");
  return out;
}

}  // namespace lode::search

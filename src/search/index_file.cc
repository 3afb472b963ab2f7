#include "search/index_file.h"

#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace lode::search {
namespace {

namespace fs = std::filesystem;

constexpr int kApplicationId = 0x4C4F4445;  // "LODE"

constexpr std::string_view kTables[] = {
    "CREATE TABLE state(id INTEGER PRIMARY KEY, next_content INTEGER NOT NULL, next_segment INTEGER NOT NULL)",
    "CREATE TABLE roots(id INTEGER PRIMARY KEY, folder BLOB NOT NULL, revision BLOB NOT NULL, "
    "commit_id BLOB NOT NULL, complete INTEGER NOT NULL, contents BLOB NOT NULL)",
    "CREATE UNIQUE INDEX roots_by_name ON roots(folder, revision)",
    "CREATE TABLE files(root INTEGER NOT NULL, path BLOB NOT NULL, content INTEGER, skip INTEGER NOT NULL, "
    "racy INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, "
    "inode INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY(root, path)) WITHOUT ROWID",
    "CREATE INDEX files_by_content ON files(root, content)",
    "CREATE TABLE contents(id INTEGER PRIMARY KEY, hash BLOB NOT NULL, language INTEGER NOT NULL, "
    "n_bytes INTEGER NOT NULL, outline BLOB NOT NULL, text BLOB NOT NULL)",
    "CREATE UNIQUE INDEX contents_by_hash ON contents(hash, language)",
    "CREATE TABLE segments(id INTEGER PRIMARY KEY, contents BLOB NOT NULL)",
    "CREATE TABLE blocks(segment INTEGER NOT NULL, dictionary INTEGER NOT NULL, first BLOB NOT NULL, "
    "block BLOB NOT NULL, PRIMARY KEY(segment, dictionary, first)) WITHOUT ROWID",
};

std::string all_tables() {
  std::string out;
  for (const std::string_view table : kTables) out += std::string(table) + ";";
  return out;
}

Status create_tables(const Database& database) {
  return database.run(
      fmt::format("BEGIN IMMEDIATE; {} INSERT INTO state VALUES(1, 1, 1); PRAGMA application_id={}; "
                  "PRAGMA user_version={}; COMMIT;",
                  all_tables(), kApplicationId, kFormatVersion));
}

Status check_tables(const Database& database) {
  LODE_ASSIGN(const int64_t application, database.integer("PRAGMA application_id"));
  LODE_ASSIGN(const int64_t version, database.integer("PRAGMA user_version"));
  if (application != kApplicationId) {
    return fail(Code::corrupt, fmt::format("{} is an SQLite file, but no index of Lodestone", database.path()),
                "Name another folder with --index");
  }
  if (version != kFormatVersion) {
    return fail(Code::unsupported,
                fmt::format("the index {} has format {}, this program reads format {}", database.path(), version,
                            kFormatVersion),
                "Build it anew: lode index --rebuild");
  }
  LODE_ASSIGN(Statement statement,
              database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid"));
  std::string seen;
  for (;;) {
    LODE_ASSIGN(const bool row, statement.step());
    if (!row) break;
    seen += std::string(statement.bytes(0)) + ";";
  }
  if (seen != all_tables()) {
    return fail(Code::corrupt,
                fmt::format("the index {} has other tables than format {} has", database.path(), version),
                "Build it anew: lode index --rebuild");
  }
  return {};
}

std::unexpected<Error> no_index(const fs::path& index) {
  return fail(Code::not_found, fmt::format("there is no index at {}", index.string()),
              "Build it: lode index, with the same folder and --index");
}

}  // namespace

fs::path index_file(const fs::path& index) {
  return index / "index.db";
}

bool is_own_file(std::string_view name) {
  if (name == "lock" || name == "index.db" || name.starts_with("index.db-")) return true;
  const auto is_of = [](std::string_view whole, std::string_view begin, std::string_view end) {
    return whole.starts_with(begin) && whole.ends_with(end);
  };
  for (const std::string_view unfinished : {".new", ".part"}) {
    if (name.ends_with(unfinished)) name.remove_suffix(unfinished.size());
  }
  return is_of(name, "vectors-", ".i8") || is_of(name, "vectors-", ".hnsw") || is_of(name, "served-", ".json");
}

Result<Database> open_to_write(const fs::path& index) {
  LODE_ASSIGN(Database database, Database::open(index_file(index), Database::Access::write));
  LODE_ASSIGN(const int64_t n_tables, database.integer("SELECT count(*) FROM sqlite_schema"));
  if (n_tables == 0) LODE_TRY(create_tables(database));
  LODE_TRY(check_tables(database));
  return database;
}

Result<Database> open_to_read(const fs::path& index) {
  const fs::path file = index_file(index);
  std::error_code error;
  if (!fs::exists(file, error)) {
    return no_index(index);
  }
  const auto open = [&](Database::Access access) -> Result<Database> {
    LODE_ASSIGN(Database database, Database::open(file, access));
    LODE_ASSIGN(const int64_t n_tables, database.integer("SELECT count(*) FROM sqlite_schema"));
    if (n_tables == 0) return no_index(index);  // somebody is about to make it, or was ended there
    LODE_TRY(check_tables(database));
    return database;
  };
  auto database = open(Database::Access::read);
  if (database || database.error().code != Code::permission) return database;
  // Where no file may be made beside it nobody writes either; with a log beside it the file alone is not all.
  const fs::path log = file.string() + "-wal";
  const bool is_whole = !fs::exists(log, error) || fs::file_size(log, error) == 0;
  return is_whole ? open(Database::Access::read_frozen) : std::move(database);
}

Status remove_index_file(const fs::path& index) {
  for (const char* const ending : {"-wal", "-shm", ""}) {
    const fs::path path = index_file(index).string() + ending;
    std::error_code error;
    fs::remove(path, error);
    if (error) {
      return fail(Code::permission, fmt::format("cannot remove {}: {}", path.string(), error.message()),
                  "Put the index elsewhere with --index");
    }
  }
  return {};
}

}  // namespace lode::search

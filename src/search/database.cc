#include "search/database.h"

#include <system_error>

#include <fmt/format.h>
#include <sqlite3.h>

namespace lode::search {
namespace {

constexpr int kBusyMs = 3000;
constexpr std::string_view kSettings =
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA temp_store=MEMORY;"
    "PRAGMA mmap_size=0;"  // a file that is cut short is an error then, not a signal
    "PRAGMA cache_size=-16384;";

std::unexpected<Error> database_error(std::string_view path, int code, std::string_view reason) {
  const std::string message = fmt::format("the index {}: {}", path, reason);
  switch (code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return fail(Code::unavailable, message, "Somebody else writes to it: try again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return fail(Code::corrupt, message, "Build it anew: lode index --rebuild");
    case SQLITE_FULL: return fail(Code::io, message, "Free space, or put the index elsewhere with --index");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return fail(Code::permission, message, "Put the index where you may write with --index, or set LODE_HOME");
    case SQLITE_IOERR:
      return fail(Code::io, message, "Is the disk full? Free space, or put the index elsewhere with --index");
    case SQLITE_NOMEM: return fail(Code::too_large, message, "Free memory");
    default: return fail(Code::internal, message, "If it stays so, build the index anew: lode index --rebuild");
  }
}

// A path as the part of a URI that SQLite reads.
std::string uri_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Database::Close::operator()(sqlite3* database) const {
  sqlite3_close_v2(database);
}

// A value that cannot be bound leaves null there, which the tables refuse or nothing matches.
Statement& Statement::bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view bytes) {
  // A null pointer would be a null, not an empty blob.
  sqlite3_bind_blob64(statement_.get(), parameter, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  sqlite3_bind_null(statement_.get(), parameter);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  auto error = database_error(*path_, code, sqlite3_errmsg(sqlite3_db_handle(statement_.get())));
  sqlite3_reset(statement_.get());
  return error;
}

Status Statement::run() {
  for (;;) {
    LODE_ASSIGN(const bool row, step());
    if (!row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::bytes(int column) const {
  const void* const data = sqlite3_column_blob(statement_.get(), column);
  const int n = sqlite3_column_bytes(statement_.get(), column);
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), static_cast<size_t>(n));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::open(const std::filesystem::path& path, Access access) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  const std::string uri =
      fmt::format("file://{}{}", uri_path(whole.string()), access == Access::read_frozen ? "?immutable=1" : "");
  const int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (access == Access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(uri.c_str(), &opened, flags, nullptr);
  Database database({opened, {}}, path.string());
  if (code != SQLITE_OK) return database.failed(code);
  sqlite3_busy_timeout(opened, kBusyMs);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  LODE_TRY(database.run(std::string(kSettings)));
  if (access == Access::write) {
    // Larger pages than the library's 4096: a block of terms fits a quarter of one. What was committed last may be lost
    // when the machine stops, never the order of commits.
    LODE_TRY(database.run("PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"));
  }
  return database;
}

Result<Statement> Database::prepare(std::string_view sql) const {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return Statement(*path_, prepared);
}

Status Database::run(const std::string& sql) const {
  const int code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed(code);
  return {};
}

Result<int64_t> Database::integer(std::string_view sql) const {
  LODE_ASSIGN(Statement statement, prepare(sql));
  LODE_ASSIGN(const bool row, statement.step());
  if (!row)
    return fail(Code::corrupt, fmt::format("the index {}: no row", *path_), "Build it anew: lode index --rebuild");
  return statement.integer(0);
}

std::unexpected<Error> Database::failed(int code) const {
  const char* const reason = database_ != nullptr ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
  return database_error(*path_, code, reason);
}

}  // namespace lode::search

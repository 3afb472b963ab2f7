// One SQLite file, opened in WAL mode with the settings that a file of unknown origin asks for. The library is hidden
// in database.cc. Errors: corrupt for a file that is none or damaged, permission where it may not be written, io (a
// full disk among them), unavailable while somebody else writes. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lode::search {

class Database;

// A prepared statement. Bound bytes and returned ones are views: the first must live until the statement is reset, the
// second live until it steps. It does not outlive its database. Columns count from 0, parameters from 1.
class Statement {
 public:
  Statement& bind(int parameter, int64_t value);
  Statement& bind(int parameter, std::string_view bytes);  // as a blob
  Statement& bind_null(int parameter);

  // Whether there is a row. After the last one the statement starts anew.
  Result<bool> step();
  // For statements without rows: runs and resets.
  Status run();
  void reset();

  [[nodiscard]] int64_t integer(int column) const;
  // Text columns too. Empty for null.
  [[nodiscard]] std::string_view bytes(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(const std::string& path, sqlite3_stmt* statement) : path_(&path), statement_(statement) {}

  const std::string* path_;  // the database's own, for messages
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  enum class Access : unsigned char {
    read,
    // The same, for a file that nobody writes: no lock and no files beside it, so it can lie where nothing may be
    // written.
    read_frozen,
    write,  // made where it is missing
  };
  static Result<Database> open(const std::filesystem::path& path, Access access);
  Database(Database&&) noexcept = default;
  Database& operator=(Database&&) noexcept = default;

  Result<Statement> prepare(std::string_view sql) const;
  // Statements without parameters and rows that matter, divided by semicolons.
  Status run(const std::string& sql) const;
  // The first column of the only row of a query without parameters.
  Result<int64_t> integer(std::string_view sql) const;

  [[nodiscard]] const std::string& path() const { return *path_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  Database(std::unique_ptr<sqlite3, Close> database, std::string path)
      : path_(std::make_unique<std::string>(std::move(path))), database_(std::move(database)) {}
  [[nodiscard]] std::unexpected<Error> failed(int code) const;

  std::unique_ptr<std::string> path_;
  std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace lode::search

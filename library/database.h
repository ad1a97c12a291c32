// Database: SQLite as the library uses it. Every value is bound, never pasted into SQL; errors become Results.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/file.h"

struct sqlite3;
struct sqlite3_stmt;

namespace freehold::papers {

using Bound = std::variant<std::nullptr_t, int64_t, double, std::string>;

// One prepared statement. Finalized with the object, which must not outlive its database.
class Statement {
 public:
  Statement(Statement&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Statement(const Statement&) = delete;
  ~Statement();
  Result<Done> run(const std::vector<Bound>& values);    // to its end
  Result<Done> begin(const std::vector<Bound>& values);  // then next() for each row
  Result<bool> next();                                   // false after the last row
  int columns() const;
  bool is_null(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;
  std::string text(int column) const;
  std::string column_name(int column) const;

 private:
  friend class Database;
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  Failure failed() const;
  sqlite3_stmt* handle_;
};

class Database {
 public:
  enum class Mode : uint8_t { write, read };  // read: the connection can change nothing
  static Result<Database> open(const Path& path, Mode mode);
  Result<Done> execute(std::string_view sql);
  Result<Statement> prepare(std::string_view sql);
  // From here on: SELECT only, of the tables named; a number of steps after which a statement is stopped. `fixed`:
  // tables that SQL made from a question cannot read; statements of prepare_fixed can.
  void restrict_to(std::vector<std::string> tables, std::vector<std::string> fixed, uint64_t most_steps);
  Result<Statement> prepare_fixed(std::string_view sql);
  int64_t last_id() const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  struct Rule;
  std::shared_ptr<Rule> rule_;  // outlives the connection
  std::unique_ptr<sqlite3, Close> handle_;
};

std::string quoted_name(std::string_view name);  // an identifier in SQL

}  // namespace freehold::papers

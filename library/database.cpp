#include "library/database.h"

#include <sqlite3.h>

#include <algorithm>

namespace freehold::papers {

struct Database::Rule {
  std::vector<std::string> tables, fixed;
  bool in_fixed = false;  // a fixed statement is being prepared
  uint64_t steps_left = 0;
};

namespace {

Failure failed_with(sqlite3* handle, int code) {
  const char* what = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
    case SQLITE_INTERRUPT:
      return out_of_resources("library: {}", what);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return failure(Fault::integrity, fmt::format("library: {}", what));
    case SQLITE_AUTH:
      return unsupported("library: {}; a question reads record tables only", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return io_error("library: {}; another program is writing to it", what);
    default:
      return io_error("library: {}", what);
  }
}

// Functions that a compiled question uses.
bool is_plain_function(std::string_view name) {
  static constexpr std::string_view allowed[] = {"count", "sum",    "avg",      "min",   "max",
                                                 "total", "substr", "coalesce", "round", "julianday",
                                                 "cast",  "abs",    "like",     "lower", "length"};
  return std::find(std::begin(allowed), std::end(allowed), name) != std::end(allowed);
}

}  // namespace

Statement::~Statement() { sqlite3_finalize(handle_); }
Failure Statement::failed() const {
  sqlite3* handle = sqlite3_db_handle(handle_);
  return failed_with(handle, sqlite3_errcode(handle));
}
Result<Done> Statement::begin(const std::vector<Bound>& values) {
  sqlite3_reset(handle_);
  int at = 0;
  for (const Bound& value : values) {
    ++at;
    int code = SQLITE_OK;
    if (std::holds_alternative<std::nullptr_t>(value))
      code = sqlite3_bind_null(handle_, at);
    else if (const auto* i = std::get_if<int64_t>(&value))
      code = sqlite3_bind_int64(handle_, at, *i);
    else if (const auto* d = std::get_if<double>(&value))
      code = sqlite3_bind_double(handle_, at, *d);
    else if (const auto* s = std::get_if<std::string>(&value))
      code = sqlite3_bind_text64(handle_, at, s->data(), s->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK) return failed();
  }
  return Done{};
}
Result<bool> Statement::next() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failed();
}
Result<Done> Statement::run(const std::vector<Bound>& values) {
  TRY(begin(values));
  for (;;) {
    TRY_ASSIGN(const bool more, next());
    if (!more) return Done{};
  }
}
int Statement::columns() const { return sqlite3_column_count(handle_); }
bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
double Statement::real(int column) const { return sqlite3_column_double(handle_, column); }
std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return text ? std::string(text, static_cast<size_t>(sqlite3_column_bytes(handle_, column))) : "";
}
std::string Statement::column_name(int column) const { return sqlite3_column_name(handle_, column); }

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close(handle); }

Result<Database> Database::open(const Path& path, Mode mode) {
  Database database;
  sqlite3* handle = nullptr;
  const int flags = mode == Mode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOFOLLOW, nullptr);
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return failed_with(handle, code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, 5000);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  if (mode == Mode::write) {
    TRY(database.execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON"));
  } else {
    sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);  // a writer runs our own SQL only, and VACUUM attaches
    TRY(database.execute("PRAGMA query_only=ON"));
  }
  return database;
}
Result<Done> Database::execute(std::string_view sql) {
  const int code = sqlite3_exec(handle_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failed_with(handle_.get(), code);
  return Done{};
}
Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement, &rest);
  if (code != SQLITE_OK) return failed_with(handle_.get(), code);
  Statement made(statement);
  if (!statement || rest != sql.data() + sql.size()) return usage_error("library: expected one statement");
  return made;
}
int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }

Result<Statement> Database::prepare_fixed(std::string_view sql) {
  if (rule_) rule_->in_fixed = true;
  auto made = prepare(sql);
  if (rule_) rule_->in_fixed = false;
  return made;
}

void Database::restrict_to(std::vector<std::string> tables, std::vector<std::string> fixed, uint64_t most_steps) {
  rule_ = std::make_shared<Rule>(Rule{std::move(tables), std::move(fixed), false, most_steps});
  sqlite3_limit(handle_.get(), SQLITE_LIMIT_COMPOUND_SELECT, 4);
  sqlite3_limit(handle_.get(), SQLITE_LIMIT_EXPR_DEPTH, 100);
  sqlite3_set_authorizer(
      handle_.get(),
      [](void* user, int action, const char* first, const char* second, const char*, const char*) {
        const Rule& rule = *static_cast<Rule*>(user);
        if (action == SQLITE_SELECT) return SQLITE_OK;
        const auto in = [&](const std::vector<std::string>& listed) {
          return std::find(listed.begin(), listed.end(), first) != listed.end();
        };
        if (action == SQLITE_READ && first)
          return in(rule.tables) || (rule.in_fixed && in(rule.fixed)) ? SQLITE_OK : SQLITE_DENY;
        if (action == SQLITE_FUNCTION && second) return is_plain_function(second) ? SQLITE_OK : SQLITE_DENY;
        return SQLITE_DENY;
      },
      rule_.get());
  constexpr int stride = 1000;
  sqlite3_progress_handler(
      handle_.get(), stride,
      [](void* user) {
        Rule& rule = *static_cast<Rule*>(user);
        if (rule.steps_left < stride) return 1;
        rule.steps_left -= stride;
        return 0;
      },
      rule_.get());
}

std::string quoted_name(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

}  // namespace freehold::papers

#include "serve/ledger.h"

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/sha256.h"

namespace freehold {
namespace {

constexpr std::string_view sum_begin = R"(,"sum":")", sum_end = R"("})";
constexpr size_t hash_digits = 64, piece = 1 << 20;
const std::string no_line(hash_digits, '0');  // what stands before the first line

std::string day_of(std::string_view time) { return std::string(time.substr(0, 10)); }

bool fits(std::string_view text, std::string_view pattern) {  // 0: a digit
  return text.size() == pattern.size() && std::equal(text.begin(), text.end(), pattern.begin(), [](char c, char p) {
           return p == '0' ? c >= '0' && c <= '9' : c == p;
         });
}

double to_microjoule(double joules) { return std::round(joules * 1e6) / 1e6; }
double to_microsecond(double ms) { return std::round(ms * 1e3) / 1e3; }

Json json_of(const LedgerEntry& e, int64_t seconds) {
  return {{"v", 1},
          {"ts", utc_time(seconds)},
          {"receipt_id", e.receipt_id},
          {"key_id", e.key_id},
          {"department", e.department},
          {"model", e.model},
          {"weights_digest8", e.weights},
          {"outcome", e.outcome},
          {"prompt", e.prompt},
          {"cached", e.cached},
          {"reasoning", e.reasoning},
          {"output", e.output},
          {"queue_ms", to_microsecond(e.queue_ms)},
          {"prefill_ms", to_microsecond(e.prefill_ms)},
          {"decode_ms", to_microsecond(e.decode_ms)},
          {"joules", to_microjoule(e.joules)},
          {"method", e.method},
          {"cost", text_of(e.cost)},
          {"currency", e.currency}};
}

// The members of a line that has been found whole; what is missing or of another type leaves `good` false.
struct LineFields {
  const Json& json;
  bool good = true;
  std::string text(const char* name) {
    const auto found = json.find(name);
    if (found != json.end() && found->is_string()) return *found;
    return good = false, "";
  }
  int64_t count(const char* name) {
    const auto found = json.find(name);
    if (found != json.end() && found->is_number_unsigned() && found->get<uint64_t>() <= uint64_t{1} << 53)
      return found->get<int64_t>();
    return good = false, 0;
  }
  double number(const char* name) {
    const auto found = json.find(name);
    if (found != json.end() && found->is_number() && found->get<double>() >= 0) return found->get<double>();
    return good = false, 0;
  }
};

}  // namespace

// Walks over lines and checks that each follows from the one before.
struct LedgerReader {
  std::string name;
  uint64_t lines = 0;
  std::string head = no_line;

  Result<Done> take(std::string_view line, const std::function<void(const std::string&, const LedgerEntry&)>& found) {
    ++lines;
    const auto broken = [&](const char* what) {
      return failure(Fault::integrity, fmt::format("{}: line {}: {}", name, lines, what));
    };
    const size_t tail = sum_begin.size() + hash_digits + sum_end.size();
    if (line.size() < tail) return broken("is too short; it was changed, or never was a line of a ledger");
    const std::string_view body = line.substr(0, line.size() - tail);
    const std::string_view end = line.substr(body.size());
    if (!end.starts_with(sum_begin) || !end.ends_with(sum_end) ||
        end.substr(sum_begin.size(), hash_digits) != sha256_of(body))
      return broken("its sum does not fit; it was changed");
    const auto json = parse_json(line, name);
    if (!json || !json->is_object()) return broken("is no JSON object");
    LineFields fields{*json};
    const std::string time = fields.text("ts");
    if (fields.text("prev") != head)
      return broken("does not follow from the line before; lines were taken out, put in or exchanged");
    head = sha256_of(line);
    if (json->contains("event")) return Done{};
    LedgerEntry e;
    e.receipt_id = fields.text("receipt_id"), e.key_id = fields.text("key_id");
    e.department = fields.text("department"), e.model = fields.text("model");
    e.weights = fields.text("weights_digest8"), e.outcome = fields.text("outcome");
    e.prompt = fields.count("prompt"), e.cached = fields.count("cached");
    e.reasoning = fields.count("reasoning"), e.output = fields.count("output");
    e.queue_ms = fields.number("queue_ms"), e.prefill_ms = fields.number("prefill_ms");
    e.decode_ms = fields.number("decode_ms"), e.joules = fields.number("joules");
    e.method = fields.text("method"), e.currency = fields.text("currency");
    const auto cost = read_money(fields.text("cost"));
    if (!fields.good || !cost || fields.count("v") != 1 || !fits(time, "0000-00-00T00:00:00Z"))
      return broken("lacks a member, or has one of a wrong type");
    e.cost = *cost;
    found(day_of(time), e);
    return Done{};
  }
};

void UsageTotals::add(const LedgerEntry& e) {
  add(UsageTotals{1, e.prompt, e.cached, e.reasoning, e.output, e.joules, e.cost, e.currency});
}

void UsageTotals::add(const UsageTotals& o) {
  requests += o.requests, prompt += o.prompt, cached += o.cached, reasoning += o.reasoning, output += o.output;
  joules += o.joules;
  cost += o.cost;
  if (currency.empty()) currency = o.currency;
  if (!o.currency.empty() && currency != o.currency) currency = "mixed";
}

std::string utc_time(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", 1900 + utc.tm_year, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

Result<UsageRange> usage_range(std::string_view from, std::string_view to) {
  for (const auto& [name, day] : {std::pair{"from", from}, std::pair{"to", to}})
    if (!day.empty() && !fits(day, "0000-00-00"))
      return usage_error("{}: expected a day such as 2026-11-29, found {}", name, printable(day, 20));
  return UsageRange{std::string(from), std::string(to)};
}

Result<UsageRange> usage_month(std::string_view month) {
  if (!fits(month, "0000-00"))
    return usage_error("month: expected one such as 2026-11, found {}", printable(month, 20));
  return UsageRange{std::string(month) + "-01", std::string(month) + "-31"};
}

Result<LedgerHead> read_ledger(const Path& path,
                               const std::function<void(const std::string&, const LedgerEntry&)>& take) {
  TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  LedgerReader reader{file.name()};
  std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    TRY(reader.take(text.substr(0, end), take));
  if (!file.intact() && !text.empty()) text = {};  // a server was writing
  return LedgerHead{reader.lines, text.size(), reader.head};
}

Result<std::unique_ptr<Ledger>> Ledger::open(const Path& path) {
  TRY_ASSIGN(AppendFile file, AppendFile::open(path));
  std::unique_ptr<Ledger> ledger(new Ledger(std::move(file)));
  ledger->head_ = no_line;
  TRY(ledger->file_.locked([&] { return ledger->catch_up(); }));
  return ledger;
}

// Reads what has come to the file, from this program or another, since the last look. Under the file's lock.
Result<Done> Ledger::catch_up() {
  LedgerReader reader{file_.name(), line_, head_};
  TRY_ASSIGN(const uint64_t size, file_.size());
  if (size < end_) return failure(Fault::integrity, file_.name() + ": has become shorter; expected it only to grow");
  std::string rest;
  for (uint64_t at = end_; at < size;) {
    TRY_ASSIGN(const std::string bytes, file_.read(at, std::min<uint64_t>(piece, size - at)));
    if (bytes.empty()) break;
    at += bytes.size();
    rest += bytes;
    size_t begin = 0;
    for (size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      TRY(reader.take(std::string_view(rest).substr(begin, end - begin),
                      [&](const std::string& day, const LedgerEntry& e) {
                        totals_[{day, e.department, e.key_id, e.model}].add(e);
                      }));
      end_ += end + 1 - begin;
      line_ = reader.lines, head_ = reader.head;
    }
    rest.erase(0, begin);
    if (rest.size() > limits::ledger_line_bytes)
      return failure(Fault::integrity, fmt::format("{}: line {}: is over {} bytes; it was changed", file_.name(),
                                                   line_ + 1, limits::ledger_line_bytes));
  }
  if (rest.empty()) return Done{};
  TRY(file_.cut(end_));  // the line was never acknowledged
  return write({{"v", 1}, {"ts", utc_time(std::time(nullptr))}, {"event", "cut"}, {"bytes", rest.size()}});
}

Result<Done> Ledger::write(Json line) {
  line["prev"] = head_;
  std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace);
  text.pop_back();  // }
  text += fmt::format("{}{}{}", sum_begin, sha256_of(text), sum_end);
  TRY(file_.append(text + "\n"));
  head_ = sha256_of(text);
  end_ += text.size() + 1;
  ++line_;
  dirty_ = true;
  return Done{};
}

Result<Done> Ledger::append(const LedgerEntry& entry, int64_t seconds) {
  const std::lock_guard lock(mutex_);
  if (!broken_.empty()) return failure(Fault::io, broken_);
  const Result<Done> done = file_.locked([&]() -> Result<Done> {
    TRY(catch_up());
    TRY(write(json_of(entry, seconds)));
    totals_[{day_of(utc_time(seconds)), entry.department, entry.key_id, entry.model}].add(entry);
    return Done{};
  });
  if (!done) broken_ = done.error().what;
  return done;
}

Result<Done> Ledger::sync() {
  {
    const std::lock_guard lock(mutex_);
    if (!dirty_ || !broken_.empty()) return Done{};
    dirty_ = false;
  }
  const Result<Done> done = file_.sync();  // takes its time: others may append meanwhile
  if (done) return done;
  const std::lock_guard lock(mutex_);
  broken_ = done.error().what;
  return done;
}

std::map<std::string, UsageTotals> Ledger::usage(const UsageRange& range, UsageGroup group) const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, UsageTotals> sums;
  for (auto it = totals_.lower_bound(Row{range.from, "", "", ""}); it != totals_.end(); ++it) {
    const auto& [row, totals] = *it;
    if (!range.to.empty() && row.day > range.to) break;
    sums[group == UsageGroup::department ? row.department : group == UsageGroup::key ? row.key : row.model].add(totals);
  }
  return sums;
}

UsageTotals Ledger::month_of(const std::string& department, int64_t seconds) const {
  const std::string month = utc_time(seconds).substr(0, 7);
  const auto sums = usage({month + "-01", month + "-31"}, UsageGroup::department);
  const auto found = sums.find(department);
  return found == sums.end() ? UsageTotals{} : found->second;
}

}  // namespace freehold

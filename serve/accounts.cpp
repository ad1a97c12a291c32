#include "serve/accounts.h"

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "serve/metrics.h"
#include "serve/request_id.h"

namespace freehold {
namespace {

constexpr auto between_syncs = std::chrono::seconds(1);
constexpr int syncs_between_looks = 10;  // at the energy counters

double rounded(double value, double parts) { return std::round(value * parts) / parts; }

}  // namespace

Json Receipt::json() const {
  Json cost = nullptr;
  if (!tariff.empty()) cost = {{"amount", text_of(entry.cost)}, {"currency", entry.currency}, {"tariff", tariff}};
  Json energy = {{"joules", entry.method == "none" ? Json(nullptr) : Json(rounded(entry.joules, 1e6))},
                 {"method", entry.method},
                 {"idle_share", idle_share ? Json(rounded(*idle_share, 1e3)) : Json(nullptr)}};
  return {{"receipt_id", entry.receipt_id},
          {"queue_ms", rounded(entry.queue_ms, 1e3)},
          {"prefill_ms", rounded(entry.prefill_ms, 1e3)},
          {"decode_ms", rounded(entry.decode_ms, 1e3)},
          {"energy", std::move(energy)},
          {"cost", std::move(cost)}};
}

Accounts::Accounts(Guard& guard, const Path& powercap, std::function<void(const Error&)> on_fault)
    : guard_(guard), meter_(powercap), on_fault_(std::move(on_fault)) {}

Result<std::unique_ptr<Accounts>> Accounts::make(Guard& guard, const Places& places,
                                                 std::function<void(const Error&)> on_fault) {
  std::unique_ptr<Accounts> accounts(new Accounts(guard, places.powercap, std::move(on_fault)));
  if (std::error_code error; std::filesystem::exists(places.tariff, error)) {
    TRY_ASSIGN(accounts->tariff_, Tariff::read(places.tariff));
  }
  TRY_ASSIGN(accounts->ledger_, Ledger::open(places.ledger));
  guard.watch_budgets([ledger = accounts->ledger_.get()](const std::string& department) {
    return ledger->month_of(department, std::time(nullptr));
  });
  accounts->thread_ = std::thread([self = accounts.get()] { self->keep_synced(); });
  return accounts;
}

Accounts::~Accounts() {
  guard_.watch_budgets({});
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  ending_now_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Accounts::keep_synced() {
  bool last = false;
  for (int count = 1; !last; ++count) {
    {
      std::unique_lock lock(mutex_);
      last = ending_now_.wait_for(lock, between_syncs, [this] { return ending_; });
    }
    if (const auto done = ledger_->sync(); !done) fail(done.error());
    if (count % syncs_between_looks == 0) meter_.look();
  }
}

void Accounts::fail(const Error& error) {
  if (!failed_.exchange(true) && on_fault_) on_fault_(error);
}

uint64_t Accounts::begin() {
  const uint64_t id = next_++;
  meter_.begin(id);
  return id;
}

Receipt Accounts::settle(uint64_t id, const Caller& caller, LedgerEntry entry) {
  const EnergyShare share = meter_.end(id);
  entry.receipt_id = make_id("rc_");
  entry.key_id = caller.key_id, entry.department = caller.department;
  entry.joules = rounded(share.joules, 1e6), entry.method = meter_.method();
  if (tariff_) entry.cost = tariff_->cost(entry), entry.currency = tariff_->currency;
  guard_.used(caller, entry.prompt + entry.output);
  if (const auto done = ledger_->append(entry, std::time(nullptr)); !done) fail(done.error());
  return {std::move(entry), share.idle_share, tariff_ ? tariff_->name : ""};
}

std::string Accounts::metrics() const {
  std::string out = fmt::format(
      "# TYPE freehold:energy_joules_total counter\nfreehold:energy_joules_total{{method=\"{}\"}} {}\n"
      "# TYPE freehold:idle_joules_total counter\nfreehold:idle_joules_total{{method=\"{}\"}} {}\n",
      meter_.method(), meter_.joules(), meter_.method(), meter_.idle_joules());
  const auto sums = ledger_->usage({}, UsageGroup::department);
  out += "# TYPE freehold:tokens_total counter\n";
  for (const auto& [department, t] : sums)
    for (const auto& [kind, count] : {std::pair{"prompt", t.prompt}, std::pair{"cached", t.cached},
                                      std::pair{"reasoning", t.reasoning}, std::pair{"output", t.output}})
      out += fmt::format("freehold:tokens_total{{department=\"{}\",kind=\"{}\"}} {}\n", escaped_label(department), kind,
                         count);
  out += "# TYPE freehold:cost_total counter\n";
  for (const auto& [department, t] : sums)
    out += fmt::format("freehold:cost_total{{department=\"{}\",currency=\"{}\"}} {}\n", escaped_label(department),
                       escaped_label(t.currency), text_of(t.cost));
  return out;
}

}  // namespace freehold

#include "run/prefix_store.h"

#include <chrono>

#include "base/check.h"

namespace freehold {
namespace {

constexpr size_t pages_ahead = 4;  // read before they are asked for

std::string_view text_of(const SealedStore::Name& name) {
  return {reinterpret_cast<const char*>(name.data()), name.size()};
}

}  // namespace

Result<std::unique_ptr<PrefixStore>> PrefixStore::make(Engine& engine, std::unique_ptr<SealedStore> store,
                                                       std::string binding) {
  TRY_ASSIGN(const Session session, Session::make(engine, {.positions = kv_page_positions}));
  TRY_ASSIGN(const size_t bytes, session.page_bytes());
  std::unique_ptr<PrefixStore> made(new PrefixStore(std::move(store), std::move(binding), bytes));
  made->thread_ = std::thread([raw = made.get()] { raw->read_all(); });
  return made;
}

PrefixStore::~PrefixStore() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  work_.notify_all();
  if (thread_.joinable()) thread_.join();
}

PrefixStore::Names PrefixStore::names_of(const std::string& user, std::span<const Token> tokens, int blocks,
                                         uint64_t changes) const {
  // The length keeps binding and user apart.
  SealedStore::Name before =
      store_->name_of(fmt::format("prefix {} {}{:016x}{}", binding_.size(), binding_, changes, user));
  Names names;
  for (; tokens.size() >= kv_page_positions; tokens = tokens.subspan(kv_page_positions), blocks -= kv_page_positions) {
    std::string what(text_of(before));
    if (blocks >= kv_page_positions) what += "in blocks";
    what.append(reinterpret_cast<const char*>(tokens.data()), kv_page_positions * sizeof(Token));
    names.push_back(before = store_->name_of(what));
  }
  return names;
}

int PrefixStore::held(const Names& names) const {
  int count = 0;
  while (static_cast<size_t>(count) < names.size() && store_->has(names[static_cast<size_t>(count)])) ++count;
  return count;
}

void PrefixStore::put(const Session& session, int page, const SealedStore::Name& name, int64_t used) {
  store_->put(name, used, [&] { return session.copy_of_page(page); });
}

std::shared_ptr<PrefixStore::Fetch> PrefixStore::fetch(std::span<const SealedStore::Name> names) {
  CHECK(!names.empty());
  auto fetch = std::make_shared<Fetch>();
  fetch->names_.assign(names.begin(), names.end());
  fetch->owner_ = this;
  ask_for(fetch, pages_ahead);
  return fetch;
}

void PrefixStore::ask_for(const std::shared_ptr<Fetch>& fetch, size_t pages) {
  {
    const std::lock_guard lock(mutex_);
    fetches_.insert(fetches_.end(), pages, fetch);
  }
  work_.notify_one();
}

void PrefixStore::read_all() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return ending_ || !fetches_.empty(); });
    if (ending_) return;
    const std::shared_ptr<Fetch> fetch = fetches_.front().lock();
    fetches_.pop_front();
    lock.unlock();
    if (fetch) read_next(*fetch);
    lock.lock();
  }
}

void PrefixStore::read_next(Fetch& fetch) {
  SealedStore::Name name;
  {
    const std::lock_guard lock(fetch.mutex_);
    if (fetch.over_) return;
    name = fetch.names_[fetch.asked_++];
  }
  std::optional<std::string> page = store_->get(name);
  {
    const std::lock_guard lock(fetch.mutex_);
    // Another size cannot be: the binding is part of the name.
    fetch.over_ = !page || page->size() != page_bytes_ || fetch.asked_ == fetch.names_.size();
    if (page && page->size() == page_bytes_) fetch.pages_.push_back(std::move(*page));
  }
  fetch.came_.notify_one();
}

std::optional<std::string> PrefixStore::Fetch::take(std::chrono::milliseconds wait) {
  std::optional<std::string> page;
  {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, wait, [&] { return over_ || !pages_.empty(); });
    if (pages_.empty()) return std::nullopt;
    page = std::move(pages_.front());
    pages_.pop_front();
    if (over_) return page;
  }
  owner_->ask_for(shared_from_this(), 1);
  return page;
}

bool PrefixStore::Fetch::ended() const {
  const std::lock_guard lock(mutex_);
  return over_ && pages_.empty();
}

}  // namespace freehold

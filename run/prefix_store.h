// PrefixStore: prefixes of sessions on disk, in pages of 64 positions: what all layers keep of them, as it lies in
// memory (ops/kv_pages.h). A page read back has the bits that computing it would give.
//
// A page's name is a keyed hash of the name before it, its 64 tokens and whether they are of a prompt's whole blocks;
// before the first stands one of the binding (program, numbers, weights) and the user. So what begins alike is kept
// once, a page fits behind its own past only, and no user finds another's.
//
// The engine's thread never waits for the disk while it has other work: pages are handed over to the store's thread and
// fetched by one of this class, a few ahead of who takes them.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "files/sealed_store.h"
#include "run/session.h"

namespace freehold {

class PrefixStore {
 public:
  using Names = std::vector<SealedStore::Name>;  // of pages, from the first

  // `binding`: what must be equal for two prefixes to have equal bits. Refuses models whose cache cannot be saved.
  static Result<std::unique_ptr<PrefixStore>> make(Engine& engine, std::unique_ptr<SealedStore> store,
                                                   std::string binding);
  ~PrefixStore();

  // Of its whole pages; those of the first `blocks` positions were computed in whole blocks of a prompt (Session).
  Names names_of(const std::string& user, std::span<const Token> tokens, int blocks = 0, uint64_t changes = 0) const;
  int held(const Names& names) const;  // the first so many are there
  void put(const Session& session, int page, const SealedStore::Name& name, int64_t used);
  SealedStore& store() { return *store_; }

  // Pages on their way, in their order. Letting go of it cancels.
  class Fetch : public std::enable_shared_from_this<Fetch> {
   public:
    // The next page, for which it waits at most so long. Nothing: not yet, or `ended`.
    std::optional<std::string> take(std::chrono::milliseconds wait);
    bool ended() const;  // all were taken, or the next could not be read

   private:
    friend class PrefixStore;
    mutable std::mutex mutex_;
    std::condition_variable came_;
    Names names_;
    size_t asked_ = 0;               // names that were read
    std::deque<std::string> pages_;  // read, and not taken
    bool over_ = false;              // no more will be read
    PrefixStore* owner_ = nullptr;
  };
  std::shared_ptr<Fetch> fetch(std::span<const SealedStore::Name> names);

 private:
  PrefixStore(std::unique_ptr<SealedStore> store, std::string binding, size_t page_bytes)
      : store_(std::move(store)), binding_(std::move(binding)), page_bytes_(page_bytes) {}
  void ask_for(const std::shared_ptr<Fetch>& fetch, size_t pages);
  void read_all();
  void read_next(Fetch& fetch);

  const std::unique_ptr<SealedStore> store_;
  const std::string binding_;
  const size_t page_bytes_;

  std::mutex mutex_;  // of what follows
  std::condition_variable work_;
  std::deque<std::weak_ptr<Fetch>> fetches_;  // one stands here for each page that is to be read for it
  bool ending_ = false;
  std::thread thread_;  // last: it uses all of the others
};

}  // namespace freehold

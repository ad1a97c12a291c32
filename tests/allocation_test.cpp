// A token in the middle of an answer allocates nothing: what it needs was sized before. Every operator new of this
// program is counted while tokens are decoded.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "run/session.h"

namespace {

std::atomic<bool> counting = false;
std::atomic<int> allocations = 0;

void* take(size_t bytes, size_t alignment) {
  if (counting) ++allocations;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return take(bytes, 16); }
void* operator new[](size_t bytes) { return take(bytes, 16); }
void* operator new(size_t bytes, std::align_val_t alignment) { return take(bytes, static_cast<size_t>(alignment)); }
void* operator new[](size_t bytes, std::align_val_t alignment) { return take(bytes, static_cast<size_t>(alignment)); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { std::free(p); }

namespace freehold {
namespace {

TEST(Allocations, AreCounted) {
  allocations = 0;
  counting = true;
  delete new int(1);
  ::operator delete[](::operator new[](100, std::align_val_t{64}), std::align_val_t{64});
  counting = false;
  EXPECT_EQ(allocations, 2);
}

class Decoding : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Golden, Decoding,
                         ::testing::Values("llama_tied", "qwen2_untied", "qwen3_yarn", "deepseek_moe",
                                           "deepseek_v2_grouped", "deepseek_v3", "deepseek_v3_fp8"),
                         [](const auto& golden) { return std::string(golden.param); });

TEST_P(Decoding, AllocatesNothing) {
  Pool pool(2);
  const auto checkpoint = Checkpoint::open(Path("tests/golden/models") / GetParam());
  ASSERT_TRUE(checkpoint) << checkpoint.error().what;
  for (const NumericMode& mode : {NumericMode(), NumericMode{.kv = KvType::q8}, NumericMode::exact()}) {
    const auto model = load_model(*checkpoint, {mode, {}}, pool);
    ASSERT_TRUE(model) << model.error().what;
    Engine engine(**model, best_kernels(), pool);
    auto session = Session::make(engine, {.positions = 160});
    ASSERT_TRUE(session);
    const std::vector<Token> prompt = {1, 2, 3, 4, 5};
    ASSERT_TRUE(session->sync(prompt));
    const auto step = [&](int i) { return session->step((7 * i + 3) % (*model)->facts().vocabulary).has_value(); };
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(step(i));  // the arena finds its size
    allocations = 0;
    counting = true;
    bool good = true;
    for (int i = 0; i < 140; ++i) good = step(i) && good;  // over pages of the cache
    counting = false;
    EXPECT_TRUE(good);
    EXPECT_EQ(allocations, 0) << text_of(mode);
  }
}

}  // namespace
}  // namespace freehold

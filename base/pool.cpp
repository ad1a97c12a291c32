#include "base/pool.h"
namespace freehold {
struct Pool::State {};
Pool::Pool(int) {}
Pool::~Pool() = default;
int Pool::threads() const { return 1; }
int Pool::available() { return 1; }
void Pool::run_region(int chunks, Chunk chunk, void* work) { for (int i = 0; i < chunks; ++i) chunk(work, i, 0); }
}  // namespace freehold

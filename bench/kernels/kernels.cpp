// bench_kernels [SET [FORMAT]]: the linear op over stored formats, as shares of what this machine does at that minute:
// GEMV in bytes of weights per second beside a plain read of memory, GEMM in multiply-adds beside a register-only loop
// of the same instruction. One thread is timed by its own CPU time, several by the clock; the best of a second of runs counts,
// since neighbours only ever take time away.
#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "bench/kernels/peak.h"
#include "ops/linear.h"
#include "ops/ops.h"
#include "ops/tape.h"
#include "tensor/weight_fixture.h"

namespace freehold {
namespace {

using testing::random_weight;

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

template <class Work>
double best_of(double budget, clockid_t clock, Work work) {
  double best = 1e9;
  const double end = seconds(CLOCK_MONOTONIC) + budget;
  int runs = 0;
  while (seconds(CLOCK_MONOTONIC) < end || runs < 3) {
    const double start = seconds(clock);
    work();
    best = std::min(best, seconds(clock) - start);
    ++runs;
  }
  return best;
}

struct Shape2 { int64_t rows, cols; };

double time_linear(const Kernels& kernels, Pool& pool, const Weight& weight, int64_t columns, Arithmetic arithmetic) {
  Arena memory, arena;
  Random random(1);
  const Tensor x = Tensor::empty({columns, weight.cols}, memory);
  Tensor fill = x;
  for (int64_t i = 0; i < columns * weight.cols; ++i) fill.mutable_data()[i] = random.normal();
  const Linear linear{weight, 0};
  return best_of(0.3, pool.threads() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, [&] {
    arena.reset();
    Context context{kernels, pool, arena, arithmetic, nullptr};
    x.storage()->quant[0] = x.storage()->quant[1] = nullptr;  // rounding the rows is part of the work
    ops::linear(context, linear, x);
  });
}

void run(const Kernels& kernels, std::string_view only) {
  constexpr Format formats[] = {Format::q4_1, Format::q4_k, Format::q6_k, Format::q8_0, Format::q5_0, Format::q4_0,
                                Format::q5_1, Format::q5_k, Format::iq4_nl, Format::iq4_xs, Format::mxfp4,
                                Format::f16, Format::f32};
  const double read = bench::read_bandwidth(), peak = bench::peak_ops(kernels.name);
  fmt::print("{}: read {:.1f} GB/s one thread, int8 peak {:.0f} Gop/s\n", kernels.name, read * 1e-9, peak * 1e-9);
  fmt::print("{:8} {:>22} {:>14} {:>10} {:>10} {:>22} {:>12}\n", "format", "1 row, 1 thread", "2 threads", "4 rows", "8 rows",
             "512 rows, 1 thread", "exact 512");
  for (const Format format : formats) {
    if (!only.empty() && info(format).name != only) continue;
    Random random(2);
    const int64_t cols = 1536, rows = (48 << 20) / (cols * info(format).block_bytes / info(format).block) / 32 * 32;
    const auto large = random_weight(format, rows, cols, Layout::r16k4, random);
    Weight small = large->weight;
    small.rows = 1536;
    small.bytes = small.bytes.first(packed_bytes(format, small.rows, cols));
    Pool one(1), two(2);
    const auto bytes = static_cast<double>(large->weight.bytes.size());
    const double t1 = time_linear(kernels, one, large->weight, 1, Arithmetic::int8);
    const double t2 = time_linear(kernels, two, large->weight, 1, Arithmetic::int8);
    const double t4 = time_linear(kernels, one, large->weight, 4, Arithmetic::int8);
    const double t8 = time_linear(kernels, one, large->weight, 8, Arithmetic::int8);
    const double many = time_linear(kernels, one, small, 512, Arithmetic::int8);
    const double exact = time_linear(kernels, one, small, 512, Arithmetic::exact);
    const double ops = 2.0 * 512 * static_cast<double>(small.rows * cols);
    fmt::print("{:8} {:9.1f} GB/s {:4.0f} % {:9.1f} GB/s {:8.2f} x {:8.2f} x {:9.0f} Gop/s {:3.0f} % {:6.0f} Gop/s\n",
               info(format).name, bytes / t1 * 1e-9, 100 * bytes / t1 / read, bytes / t2 * 1e-9, t4 / t1, t8 / t1,
               ops / many * 1e-9, 100 * ops / many / peak, ops / exact * 1e-9);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace freehold

int main(int count, char** arguments) {
  using namespace freehold;
  const Kernels* kernels = &best_kernels();
  if (count > 1) {
    const auto named = kernels_named(arguments[1]);
    if (!named) return fmt::print(stderr, "bench_kernels: {}\n", named.error().what), 2;
    kernels = *named;
  }
  run(*kernels, count > 2 ? arguments[2] : "");
}

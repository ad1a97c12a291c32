// Hyper-connections and the two row ops that came with them, against formulas in double.
#include "ops/streams.h"

#include "ops/gradient_check.h"

namespace freehold {
namespace {

using namespace testing;

TEST(Streams, copied) {
  check({{{3, 17}},
         [](Context& c, const std::vector<Tensor>& in) { return ops::copy_to_streams(c, in[0], 3); },
         [](const Inputs& in) {
           Numbers y;
           for (size_t row = 0; row < 3; ++row)
             for (int s = 0; s < 3; ++s)
               for (size_t i = 0; i < 17; ++i) y.push_back(in[0][row * 17 + i]);
           return y;
         },
         4});
}

TEST(Streams, gates) {
  const ops::Gates gates{2, 3, 1, 2.0f, 0.25f};
  check({{{5, 7}, {2}, {7}},
         [=](Context& c, const std::vector<Tensor>& in) { return ops::stream_gates(c, in[0], in[1], in[2], gates); },
         [](const Inputs& in) {
           Numbers y;
           for (size_t row = 0; row < 5; ++row)
             for (size_t i = 2; i < 5; ++i)
               y.push_back(2 / (1 + std::exp(-(in[0][row * 7 + i] * in[1][1] + in[2][i]))) + 0.25);
           return y;
         },
         30});
}

Numbers mixed(const Inputs& in, size_t rows, size_t width, size_t first, size_t s, int iterations, double eps) {
  Numbers all;
  for (size_t row = 0; row < rows; ++row) {
    Numbers m(s * s);
    for (size_t i = 0; i < s; ++i) {
      double sum = 0;
      for (size_t j = 0; j < s; ++j) {
        const size_t at = first + i * s + j;
        sum += m[i * s + j] = std::exp(in[0][row * width + at] * in[1][0] + in[2][at]);
      }
      for (size_t j = 0; j < s; ++j) m[i * s + j] = m[i * s + j] / sum + eps;
    }
    const auto divide = [&](size_t line, size_t step) {  // elements line_start + k * step
      for (size_t l = 0; l < s; ++l) {
        double sum = eps;
        for (size_t k = 0; k < s; ++k) sum += m[l * line + k * step];
        for (size_t k = 0; k < s; ++k) m[l * line + k * step] /= sum;
      }
    };
    divide(1, s);  // columns
    for (int i = 1; i < iterations; ++i) divide(s, 1), divide(1, s);
    all.insert(all.end(), m.begin(), m.end());
  }
  return all;
}

TEST(Streams, mix) {
  for (const auto& [streams, iterations] : {std::pair{1, 1}, {2, 1}, {3, 2}, {4, 20}}) {
    const auto s = static_cast<size_t>(streams);
    const size_t width = s * s + 3;
    const ops::Mixing mixing{2, streams, 0, iterations, 1e-3f};
    check({{{3, static_cast<int64_t>(width)}, {1}, {static_cast<int64_t>(width)}},
           [=](Context& c, const std::vector<Tensor>& in) { return ops::stream_mix(c, in[0], in[1], in[2], mixing); },
           [=](const Inputs& in) { return mixed(in, 3, width, 2, s, mixing.iterations, double{mixing.eps}); },
           120});
  }
}

TEST(Streams, collapsed_and_written) {
  for (const int64_t n : {1, 16, 37}) {
    const auto width = static_cast<size_t>(n);
    check({{{4, 3, n}, {4, 3}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::collapse_streams(c, in[0], in[1]); },
           [=](const Inputs& in) {
             Numbers y(4 * width);
             for (size_t row = 0; row < 4; ++row)
               for (size_t j = 0; j < 3; ++j)
                 for (size_t i = 0; i < width; ++i)
                   y[row * width + i] += in[1][row * 3 + j] * in[0][(row * 3 + j) * width + i];
             return y;
           },
           20});
    check({{{4, 3, n}, {4, n}, {4, 3}, {4, 3, 3}},
           [](Context& c, const std::vector<Tensor>& in) { return ops::write_streams(c, in[0], in[1], in[2], in[3]); },
           [=](const Inputs& in) {
             Numbers y(4 * 3 * width);
             for (size_t row = 0; row < 4; ++row)
               for (size_t k = 0; k < 3; ++k)
                 for (size_t i = 0; i < width; ++i) {
                   double sum = in[2][row * 3 + k] * in[1][row * width + i];
                   for (size_t j = 0; j < 3; ++j)
                     sum += in[3][(row * 3 + j) * 3 + k] * in[0][(row * 3 + j) * width + i];
                   y[(row * 3 + k) * width + i] = sum;
                 }
             return y;
           },
           30});
  }
}

TEST(Streams, rms_scale) {
  for (const int64_t n : {1, 12, 65})
    check({{{2, 3 * n}},
           [n](Context& c, const std::vector<Tensor>& in) { return ops::rms_scale(c, in[0], n, 0.5f); },
           [n](const Inputs& in) {
             Numbers y = in[0];
             const auto width = static_cast<size_t>(n);
             for (size_t run = 0; run < y.size(); run += width) {
               double sum = 0;
               for (size_t i = 0; i < width; ++i) sum += y[run + i] * y[run + i];
               for (size_t i = 0; i < width; ++i) y[run + i] = in[0][run + i] / std::sqrt(sum / double(n) + 0.5);
             }
             return y;
           },
           20});
}

TEST(Streams, rotate_last) {
  const ops::Rope rope{ops::RopeLayout::interleaved, {1.0f, 0.125f, 0.01f}, 1.0f};
  const std::vector<int32_t> positions{0, 3, 4000};
  for (const ops::Turn turn : {ops::Turn::forward, ops::Turn::back})
    check({{{3, 2, 10}},
           [=](Context& c, const std::vector<Tensor>& in) {
             return ops::rotate_last(c, in[0], ops::rotation(c, rope, positions), turn);
           },
           [=](const Inputs& in) {
             Numbers y = in[0];
             for (size_t row = 0; row < 3; ++row)
               for (size_t head = 0; head < 2; ++head)
                 for (size_t i = 0; i < 3; ++i) {
                   const size_t at = (row * 2 + head) * 10 + 4 + 2 * i;
                   const double angle =
                       double(positions[row]) * double{rope.frequencies[i]} * (turn == ops::Turn::forward ? 1 : -1);
                   y[at] = in[0][at] * std::cos(angle) - in[0][at + 1] * std::sin(angle);
                   y[at + 1] = in[0][at + 1] * std::cos(angle) + in[0][at] * std::sin(angle);
                 }
             return y;
           },
           6});
}

}  // namespace
}  // namespace freehold

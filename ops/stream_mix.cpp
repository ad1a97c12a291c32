// Sinkhorn's iteration, row by row; formula in streams.h. The way back runs it again, keeping the matrix after each
// division, and goes through the divisions in reverse: with M' = M / (sum + eps), every M of a line gets
// (dM' - Σ over the line of dM' M') / (sum + eps).
#include <cmath>

#include "ops/row_chunks.h"
#include "ops/streams.h"
#include "ops/tape.h"

namespace freehold::ops {
namespace {

// A line is a column (0) or a row (1) of the matrix: where element i of line l stands.
struct Lines {
  int axis, size;
  int at(int line, int i) const { return axis == 0 ? i * size + line : line * size + i; }
};

// Divides each line by its sum plus eps; the divisors are kept for the way back when asked for.
void divide(const Lines& lines, float eps, float* m, float* divisors) {
  for (int line = 0; line < lines.size; ++line) {
    float sum = 0;
    for (int i = 0; i < lines.size; ++i) sum += m[lines.at(line, i)];
    sum += eps;
    for (int i = 0; i < lines.size; ++i) m[lines.at(line, i)] /= sum;
    if (divisors) divisors[line] = sum;
  }
}

void softmax_rows(int size, float* m) {
  for (int row = 0; row < size; ++row) {
    float* x = m + row * size;
    float most = x[0], sum = 0;
    for (int i = 1; i < size; ++i) most = std::fmax(most, x[i]);
    for (int i = 0; i < size; ++i) sum += x[i] = std::exp(x[i] - most);
    for (int i = 0; i < size; ++i) x[i] /= sum;
  }
}

constexpr int most_numbers = most_streams * most_streams;

class Sinkhorn {
 public:
  Sinkhorn(const Tensor& z, const Tensor& scale, const Tensor& base, const Mixing& mixing)
      : z_(z), scale_(scale), base_(base), mixing_(mixing), size_(mixing.streams), numbers_(size_ * size_) {}

  void run(int64_t row, float* m) const {
    start(row, m);
    for (int i = 0; i < numbers_; ++i) m[i] += mixing_.eps;
    for (int step = 0; step < steps(); ++step) divide({step % 2, size_}, mixing_.eps, m, nullptr);
  }

  // da: the gradient of the softmax's inputs.
  void back(int64_t row, const float* dy, float* da) const {
    std::vector<float> after(static_cast<size_t>(steps() * numbers_)), divisors(static_cast<size_t>(steps() * size_));
    float p[most_numbers], m[most_numbers];
    start(row, p);
    for (int i = 0; i < numbers_; ++i) m[i] = p[i] + mixing_.eps;
    for (int step = 0; step < steps(); ++step) {
      divide({step % 2, size_}, mixing_.eps, m, divisors.data() + step * size_);
      std::copy_n(m, numbers_, after.data() + step * numbers_);
    }
    std::copy_n(dy, numbers_, da);
    for (int step = steps() - 1; step >= 0; --step) {
      const Lines lines{step % 2, size_};
      const float* result = after.data() + step * numbers_;
      for (int line = 0; line < size_; ++line) {
        float along = 0;
        for (int i = 0; i < size_; ++i) along += da[lines.at(line, i)] * result[lines.at(line, i)];
        for (int i = 0; i < size_; ++i)
          da[lines.at(line, i)] = (da[lines.at(line, i)] - along) / divisors[static_cast<size_t>(step * size_ + line)];
      }
    }
    for (int line = 0; line < size_; ++line) {
      float along = 0;
      for (int i = 0; i < size_; ++i) along += da[line * size_ + i] * p[line * size_ + i];
      for (int i = 0; i < size_; ++i) da[line * size_ + i] = p[line * size_ + i] * (da[line * size_ + i] - along);
    }
  }

 private:
  int steps() const { return 2 * mixing_.iterations - 1; }  // columns first, then rows and columns in turn
  void start(int64_t row, float* m) const {
    const float* z = z_.data() + row * z_.width() + mixing_.first;
    for (int i = 0; i < numbers_; ++i) m[i] = z[i] * scale_.data()[mixing_.part] + base_.data()[mixing_.first + i];
    softmax_rows(size_, m);
  }

  const Tensor &z_, &scale_, &base_;
  const Mixing mixing_;
  const int size_, numbers_;
};

}  // namespace

Tensor stream_mix(Context& context, const Tensor& z, const Tensor& scale, const Tensor& base, const Mixing& mixing) {
  const int64_t numbers = int64_t{mixing.streams} * mixing.streams, n = z.width();
  CHECK(mixing.streams >= 1 && mixing.streams <= most_streams && mixing.iterations >= 1 && base.rows() == n &&
            mixing.first + numbers <= n && mixing.part < scale.rows(),
        "z {}, {} streams, {} iterations", z.shape().text(), mixing.streams, mixing.iterations);
  Tensor y = Tensor::empty({z.rows(), mixing.streams, mixing.streams}, context.arena);
  float* to = y.mutable_data();
  const int64_t cost = 8 * numbers * mixing.iterations;
  const Sinkhorn sinkhorn(z, scale, base, mixing);
  each_rows(context.pool, z.rows(), cost, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) sinkhorn.run(r, to + r * numbers);
  });
  if (context.tape)
    context.tape->record(y, [z, scale, base, y, mixing, numbers, n, cost, &pool = context.pool](Tape& tape) {
      const float* dy = tape.grad(y).data();
      std::vector<float> da(static_cast<size_t>(z.rows() * numbers));
      const Sinkhorn again(z, scale, base, mixing);
      each_rows(pool, z.rows(), 3 * cost, [&](int64_t first, int64_t count) {
        for (int64_t r = first; r < first + count; ++r) again.back(r, dy + r * numbers, da.data() + r * numbers);
      });
      float *dz = tape.grad(z).data(), *d_scale = tape.grad(scale).data(), *d_base = tape.grad(base).data();
      const float size = scale.data()[mixing.part];
      for (int64_t r = 0; r < z.rows(); ++r)
        for (int64_t i = 0; i < numbers; ++i) {
          const float d = da[static_cast<size_t>(r * numbers + i)];
          const int64_t at = r * n + mixing.first + i;
          dz[at] += d * size;
          d_scale[mixing.part] += d * z.data()[at];
          d_base[mixing.first + i] += d;
        }
    });
  return y;
}

}  // namespace freehold::ops

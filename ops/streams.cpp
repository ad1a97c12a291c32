// Copying, weighing and writing of streams; formulas in streams.h. Sums run over streams in ascending order.
// Back: collapse   dX[j] += w[j] dy            dw[j] += dy · X[j]
//       write      dX[j] += Σ_k mix[j][k] dX'[k]   dy += Σ_k write[k] dX'[k]
//                  dwrite[k] += dX'[k] · y     dmix[j][k] += dX'[k] · X[j]
//       gates      d(σ) = factor σ (1 - σ) dg
#include "ops/streams.h"

#include <cmath>

#include "ops/row_chunks.h"
#include "ops/tape.h"

namespace freehold::ops {

Tensor copy_to_streams(Context& context, const Tensor& x, int streams) {
  const int64_t n = x.width();
  Tensor y = Tensor::empty({x.rows(), streams, n}, context.arena);
  for (int64_t r = 0; r < x.rows(); ++r)
    for (int s = 0; s < streams; ++s) std::copy_n(x.data() + r * n, n, y.mutable_data() + (r * streams + s) * n);
  if (context.tape)
    context.tape->record(y, [x, y, n, streams, &kernels = context.kernels.rows](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float* dx = tape.grad(x).data();
      for (int64_t r = 0; r < x.rows(); ++r)
        for (int s = 0; s < streams; ++s) kernels.add(dx + r * n, dy + (r * streams + s) * n, n, dx + r * n);
    });
  return y;
}

Tensor stream_gates(Context& context, const Tensor& z, const Tensor& scale, const Tensor& base, const Gates& gates) {
  const int64_t n = z.width(), rows = z.rows();
  CHECK(base.width() == 1 && base.rows() == n && gates.part < scale.rows() && gates.first + gates.count <= n,
        "z {}, scale {}, base {}", z.shape().text(), scale.shape().text(), base.shape().text());
  Tensor y = Tensor::empty({rows, gates.count}, context.arena);
  const float size = scale.data()[gates.part];
  for (int64_t r = 0; r < rows; ++r)
    for (int i = 0; i < gates.count; ++i) {
      const float a = z.data()[r * n + gates.first + i] * size + base.data()[gates.first + i];
      y.mutable_data()[r * gates.count + i] = gates.factor / (1.0f + std::exp(-a)) + gates.floor;
    }
  if (context.tape)
    context.tape->record(y, [z, scale, base, y, gates, n, rows, size](Tape& tape) {
      const float* dy = tape.grad(y).data();
      float *dz = tape.grad(z).data(), *d_scale = tape.grad(scale).data(), *d_base = tape.grad(base).data();
      for (int64_t r = 0; r < rows; ++r)
        for (int i = 0; i < gates.count; ++i) {
          const int64_t at = r * n + gates.first + i;
          const float a = z.data()[at] * size + base.data()[gates.first + i];
          const float s = 1.0f / (1.0f + std::exp(-a));
          const float da = dy[r * gates.count + i] * gates.factor * s * (1.0f - s);
          dz[at] += da * size;
          d_scale[gates.part] += da * z.data()[at];
          d_base[gates.first + i] += da;
        }
    });
  return y;
}

Tensor collapse_streams(Context& context, const Tensor& streams, const Tensor& weights) {
  CHECK(streams.shape().rank() == 3 && weights.rows() == streams.rows() && weights.width() == streams.shape()[1],
        "streams {}, weights {}", streams.shape().text(), weights.shape().text());
  const int64_t rows = streams.rows(), count = streams.shape()[1], n = streams.shape()[2];
  Tensor y = Tensor::empty({rows, n}, context.arena);
  float* to = y.mutable_data();
  each_rows(context.pool, rows, 2 * count * n, [&](int64_t first, int64_t many) {
    const RowKernels& kernels = context.kernels.rows;
    for (int64_t r = first; r < first + many; ++r) {
      const float *x = streams.data() + r * count * n, *w = weights.data() + r * count;
      kernels.scale(x, w[0], n, to + r * n);
      for (int64_t j = 1; j < count; ++j) kernels.add_scaled(to + r * n, w[j], x + j * n, n, to + r * n);
    }
  });
  if (context.tape)
    context.tape->record(
        y, [streams, weights, y, rows, count, n, &kernels = context.kernels.rows, &pool = context.pool](Tape& tape) {
          const float* dy = tape.grad(y).data();
          float *dx = tape.grad(streams).data(), *dw = tape.grad(weights).data();
          each_rows(pool, rows, 4 * count * n, [&](int64_t first, int64_t many) {
            for (int64_t r = first; r < first + many; ++r)
              for (int64_t j = 0; j < count; ++j) {
                const int64_t at = (r * count + j) * n;
                kernels.add_scaled(dx + at, weights.data()[r * count + j], dy + r * n, n, dx + at);
                dw[r * count + j] += kernels.dot(dy + r * n, streams.data() + at, n);
              }
          });
        });
  return y;
}

Tensor write_streams(Context& context, const Tensor& streams, const Tensor& y, const Tensor& write, const Tensor& mix) {
  const int64_t rows = streams.rows(), count = streams.shape()[1], n = streams.shape()[2];
  CHECK(y.rows() == rows && y.width() == n && write.width() == count && mix.width() == count * count,
        "streams {}, y {}, write {}, mix {}", streams.shape().text(), y.shape().text(), write.shape().text(),
        mix.shape().text());
  Tensor out = Tensor::empty(streams.shape(), context.arena);
  float* to = out.mutable_data();
  each_rows(context.pool, rows, 2 * count * count * n, [&](int64_t first, int64_t many) {
    const RowKernels& kernels = context.kernels.rows;
    for (int64_t r = first; r < first + many; ++r)
      for (int64_t k = 0; k < count; ++k) {
        float* stream = to + (r * count + k) * n;
        kernels.scale(y.data() + r * n, write.data()[r * count + k], n, stream);
        for (int64_t j = 0; j < count; ++j)
          kernels.add_scaled(stream, mix.data()[(r * count + j) * count + k], streams.data() + (r * count + j) * n, n,
                             stream);
      }
  });
  if (context.tape)
    context.tape->record(out, [streams, y, write, mix, out, rows, count, n, &kernels = context.kernels.rows,
                               &pool = context.pool](Tape& tape) {
      const float* d = tape.grad(out).data();
      float *dx = tape.grad(streams).data(), *dy = tape.grad(y).data();
      float *d_write = tape.grad(write).data(), *d_mix = tape.grad(mix).data();
      each_rows(pool, rows, 4 * count * count * n, [&](int64_t first, int64_t many) {
        for (int64_t r = first; r < first + many; ++r)
          for (int64_t k = 0; k < count; ++k) {
            const float* dk = d + (r * count + k) * n;
            kernels.add_scaled(dy + r * n, write.data()[r * count + k], dk, n, dy + r * n);
            d_write[r * count + k] += kernels.dot(dk, y.data() + r * n, n);
            for (int64_t j = 0; j < count; ++j) {
              const int64_t stream = (r * count + j) * n, at = (r * count + j) * count + k;
              kernels.add_scaled(dx + stream, mix.data()[at], dk, n, dx + stream);
              d_mix[at] += kernels.dot(dk, streams.data() + stream, n);
            }
          }
      });
    });
  return out;
}

}  // namespace freehold::ops

// The indexer's choice among positions: keys of the pass's rows go into the pages, then every row keeps its best ones
// up to its own (ops/selection.h).
#include <vector>

#include "ops/ops.h"

namespace freehold::ops {

Selection select_positions(Context& context, const Tensor& q, const Tensor& weights, const Tensor& k, int most,
                           std::span<const AttentionSpan> spans) {
  std::vector<IndexRow> rows;
  for (const AttentionSpan& span : spans) {
    CHECK(span.pages && span.pages->shape().index_dim == k.width() && span.start + span.rows <= span.pages->capacity(),
          "k {} at position {}: no pages for it", k.shape().text(), span.start);
    const KvView& view = span.pages->view();
    const KvType type = view.shape.index_type();
    const IndexKeys keys{type, view.shape.index_dim, view.index_page(0), view.stride};
    KvShape of_key{type, 1, view.shape.index_dim, view.shape.index_dim};
    std::vector<std::byte> row(view.shape.index_row_bytes());
    for (int i = 0; i < span.rows; ++i) {
      store_row(context.kernels, of_key, of_key.head_dim, k.row(span.first_row + i).data(), row.data());
      view.put_index(span.start + i, row.data());
      rows.push_back({keys, span.start + i + 1});
    }
  }
  return select_best(context, q, weights, most, rows);
}

}  // namespace freehold::ops

// Which compressed entries a row reads: of those complete at its position, all or the indexer's choice.
#include <vector>

#include "ops/window_attention.h"

namespace freehold::ops {
namespace {

std::vector<IndexRow> rows_of(std::span<const WindowSpan> spans) {
  std::vector<IndexRow> rows;
  for (const WindowSpan& span : spans) {
    const WindowKvShape& shape = span.kv->shape();
    const IndexKeys keys{shape.type, shape.index_dim, span.kv->index_pages(), span.kv->index_page_bytes()};
    for (int i = 0; i < span.rows; ++i) rows.push_back({keys, shape.entries_before(span.start + i + 1)});
  }
  return rows;
}

}  // namespace

Selection all_entries(Context& context, std::span<const WindowSpan> spans) {
  return select_all(context, rows_of(spans));
}

Selection select_entries(Context& context, const Tensor& q, const Tensor& weights, int most,
                         std::span<const WindowSpan> spans) {
  return select_best(context, q, weights, most, rows_of(spans));
}

}  // namespace freehold::ops

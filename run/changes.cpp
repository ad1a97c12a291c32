#include "run/changes.h"

#include "ops/ops.h"

namespace freehold {

void OfSequence::seen(Pass& pass, const Site& site, Tensor& x) {
  std::vector<int32_t> own;
  std::vector<Row> rows;
  for (size_t i = 0; i < site.rows.size(); ++i)
    if (site.rows[i].sequence == sequence_) {
      own.push_back(static_cast<int32_t>(i));
      rows.push_back(site.rows[i]);
    }
  if (own.empty()) return;
  if (own.size() == site.rows.size()) return inner_.seen(pass, site, x);
  const Tensor before = ops::pick_rows(pass.context(), x, own);
  Tensor after = before;
  inner_.seen(pass, {site.point, site.layer, rows, site.expert}, after);
  if (after.storage() != before.storage()) x = ops::replace_rows(pass.context(), x, own, after);
}

}  // namespace freehold

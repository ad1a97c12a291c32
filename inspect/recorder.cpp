#include "inspect/recorder.h"

#include <algorithm>

namespace freehold {

bool Recorder::wants(Point point, int layer) const {
  return std::any_of(wishes_.begin(), wishes_.end(), [&](const Wish& wish) {
    return wish.point == point && (wish.layer == every_layer ? layer == 0 || is_per_layer(point) : wish.layer == layer);
  });
}

void Recorder::seen(Pass&, const Site& site, Tensor& x) {
  Entry entry;
  if (!spare_.empty()) {
    entry = std::move(spare_.back());
    spare_.pop_back();
  }
  entry.point = {site.point, site.layer, site.expert};
  entry.rows.clear();
  entry.numbers.clear();
  for (size_t i = 0; i < site.rows.size(); ++i) {
    const bool last = i + 1 == site.rows.size() || site.rows[i + 1].sequence != site.rows[i].sequence;
    if (rows_ == Rows::last && !last) continue;
    const auto row = x.row(static_cast<int64_t>(i));
    if (bytes_ + row.size_bytes() > most_bytes_) {
      full_ = true;
      break;
    }
    bytes_ += row.size_bytes();
    entry.rows.push_back(site.rows[i]);
    entry.numbers.insert(entry.numbers.end(), row.begin(), row.end());
  }
  const auto kept = static_cast<int64_t>(entry.rows.size());
  const Shape& s = x.shape();
  entry.shape = s.rank() == 2 ? Shape{kept, s[1]} : s.rank() == 3 ? Shape{kept, s[1], s[2]} : Shape{kept, x.width()};
  entries_.push_back(std::move(entry));
}

const Recorder::Entry* Recorder::find(PointId point) const {
  const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& e) { return e.point == point; });
  return found == entries_.rend() ? nullptr : &*found;
}

void Recorder::clear() {
  for (Entry& entry : entries_) spare_.push_back(std::move(entry));
  entries_.clear();
  bytes_ = 0;
  full_ = false;
}

}  // namespace freehold

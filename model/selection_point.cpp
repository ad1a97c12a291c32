#include "model/selection_point.h"

#include <algorithm>

namespace freehold {
namespace {

void read_row(std::span<const float> mask, int visible, EmptyRows empty, std::vector<int32_t>& chosen) {
  const size_t before = chosen.size();
  for (int i = 0; i < visible; ++i)
    if (mask[static_cast<size_t>(i)] > 0.5f) chosen.push_back(i);
  if (chosen.size() == before && empty == EmptyRows::keep_last) chosen.push_back(visible - 1);
}

}  // namespace

ops::Selection show_selection(Pass& pass, int layer, const ops::Selection& selection,
                              std::span<const SelectionRows> sequences, EmptyRows empty) {
  Context& c = pass.context();
  std::vector<int64_t> begins{0};
  std::vector<int32_t> chosen;
  bool replaced = false;
  for (const SelectionRows& of : sequences) {
    Tensor shown;
    if (of.rows > 0 && of.columns > 0) {
      const Tensor mask = ops::selection_mask(c, selection, of.first_row, of.rows, of.columns);  // [rows, columns]
      const auto sites = pass.rows().subspan(static_cast<size_t>(of.first_row), static_cast<size_t>(of.rows));
      shown = pass.at(Point::index_selected, layer, mask, sites);
      replaced = replaced || shown.storage() != mask.storage();
    }
    for (int i = 0; i < of.rows; ++i) {
      if (shown) read_row(shown.row(i), of.visible[static_cast<size_t>(i)], empty, chosen);
      begins.push_back(static_cast<int64_t>(chosen.size()));
    }
  }
  if (!replaced) return selection;
  auto* kept_begins = c.arena.array<int64_t>(begins.size());
  auto* kept = c.arena.array<int32_t>(chosen.size());
  std::copy(begins.begin(), begins.end(), kept_begins);
  std::copy(chosen.begin(), chosen.end(), kept);
  return {kept_begins, kept};
}

}  // namespace freehold

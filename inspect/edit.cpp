#include "inspect/edit.h"

#include <algorithm>
#include <cmath>

namespace freehold {
namespace {

bool applies(const Edit& edit, Point point, int layer) {
  return edit.point == point && (edit.layer == Edit::every_layer || edit.layer == layer);
}

Tensor changed(Context& c, const Edit& edit, const Tensor& x, const Tensor& vector) {
  switch (edit.action) {
    case Edit::Action::add:
      return ops::add_row(c, x, vector, edit.factor);
    case Edit::Action::project_out:
      return ops::project_out(c, x, vector, edit.factor);
    case Edit::Action::scale:
      return ops::scale(c, x, edit.factor);
    case Edit::Action::replace:
      return ops::add_row(c, ops::scale(c, x, 0), vector, 1);
  }
  return x;
}

}  // namespace

Result<Edits> Edits::make(std::vector<Edit> edits) {
  for (size_t i = 0; i < edits.size(); ++i) {
    Edit& edit = edits[i];
    if (edit.point == Point::expert_indices &&
        (edit.action != Edit::Action::replace ||
         std::any_of(edit.vector.begin(), edit.vector.end(), [](float v) { return !(v >= 0) || v != std::floor(v); })))
      return malformed("edit {}: expert_indices can only be replaced by whole numbers", i);
    if (edit.point == Point::router_margin) return malformed("edit {}: router_margin can be seen, not edited", i);
    if (!std::isfinite(edit.factor)) return malformed("edit {}: the factor is not a finite number", i);
    if (edit.action == Edit::Action::scale) continue;
    if (edit.vector.empty()) return malformed("edit {}: its action needs a vector", i);
    if (edit.point == Point::router_logits && edit.action == Edit::Action::add && edit.factor > 0 &&
        std::none_of(edit.vector.begin(), edit.vector.end(), [](float v) { return std::isnan(v); }))
      continue;
    double square = 0;
    for (const float v : edit.vector) square += double{v} * double{v};
    if (!std::isfinite(square)) return malformed("edit {}: the vector has numbers that are not finite", i);
    if (edit.action != Edit::Action::project_out) continue;
    if (square == 0) return malformed("edit {}: a zero vector has no direction to project out", i);
    for (float& v : edit.vector) v = static_cast<float>(v / std::sqrt(square));
  }
  return Edits(std::move(edits));
}

Result<Done> Edits::fits(const Model& model) const {
  const ModelFacts& facts = model.facts();
  for (const Edit& edit : edits_) {  // every_layer: at least one must have the point
    Result<Done> found = check_point(model, {edit.point, std::max(edit.layer, 0)});
    if (edit.layer == Edit::every_layer)
      for (int layer = 1; !found && layer < facts.layers; ++layer) found = check_point(model, {edit.point, layer});
    TRY(found);
  }
  for (size_t i = 0; i < edits_.size(); ++i) {
    const Edit& edit = edits_[i];
    const std::optional<int64_t> width = model.width(edit.point);
    if (!width || edit.vector.empty()) continue;
    if (static_cast<int64_t>(edit.vector.size()) != *width)
      return inconsistent("edit {}: its vector has {} numbers, {} of this model has {}", i, edit.vector.size(),
                          name_of(edit.point), *width);
    if (edit.point == Point::expert_indices)
      for (const float v : edit.vector)
        if (v >= static_cast<float>(facts.experts))
          return inconsistent("edit {}: expert {} of {}", i, v, facts.experts);
  }
  return Done{};
}

bool Edits::wants(Point point, int layer) const {
  return std::any_of(edits_.begin(), edits_.end(), [&](const Edit& edit) { return applies(edit, point, layer); });
}

void Edits::seen(Pass& pass, const Site& site, Tensor& x) {
  Context& c = pass.context();
  for (const Edit& edit : edits_) {
    if (!applies(edit, site.point, site.layer)) continue;
    if (edit.expert != every_expert && edit.expert != site.expert) continue;
    Tensor vector;
    if (!edit.vector.empty()) {
      CHECK(static_cast<int64_t>(edit.vector.size()) == x.width(), "{} numbers at {} of width {}", edit.vector.size(),
            text_of({site.point, site.layer, site.expert}), x.width());
      vector = Tensor::of(edit.vector, {x.width()}, c.arena);
    }
    if (!edit.positions) {
      x = changed(c, edit, x, vector);
      continue;
    }
    std::vector<int32_t> rows;
    for (size_t i = 0; i < site.rows.size(); ++i)
      if (site.rows[i].position >= edit.positions->first && site.rows[i].position <= edit.positions->last)
        rows.push_back(static_cast<int32_t>(i));
    if (rows.empty()) continue;
    x = ops::replace_rows(c, x, rows, changed(c, edit, ops::pick_rows(c, x, rows), vector));
  }
}

}  // namespace freehold

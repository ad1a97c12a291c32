// Edits: changes of named activations as data. A steering vector, a directional ablation, a clamp, a patched
// activation: each is {point, layer, rows, action, vector}; a session loads a list of them as one observer. Stored
// weights are never touched, and since an edit is made of ops it stays differentiable.
#pragma once

#include <optional>
#include <vector>

#include "model/model.h"
#include "model/pass.h"

namespace freehold {

struct Edit {
  enum class Action {
    add,          // x + factor * vector
    project_out,  // x - factor * (x·r) r with r the unit vector along `vector` (Arditi et al. 2024, eq. 4)
    scale,        // x * factor
    replace,      // x becomes `vector`
  };
  Point point = Point::resid_post;
  int layer = every_layer;
  Action action = Action::add;
  std::vector<float> vector = {};  // as wide as the point; empty for scale
  float factor = 1;
  // Absolute positions first..last; all when absent.
  struct Positions {
    int first, last;
  };
  std::optional<Positions> positions = {};

  int expert = every_expert;  // of a point that is shown per expert

  static constexpr int every_layer = -1;
};

class Edits final : public Observer {
 public:
  // Refuses what can be known to be wrong without a model: a zero direction, a missing vector, numbers that are not
  // finite. Adding -inf or +inf to router_logits, which masks or forces experts, is meant; expert_indices can only be
  // replaced by whole numbers.
  static Result<Edits> make(std::vector<Edit> edits);

  bool wants(Point, int layer) const override;
  void seen(Pass&, const Site&, Tensor& x) override;  // CHECKs that vectors are as wide as the point: see fits()
  // The widths of the model's points are known only with the model: call before the first pass.
  Result<Done> fits(const Model&) const;  // that it has the points, as wide as the vectors

 private:
  explicit Edits(std::vector<Edit> edits) : edits_(std::move(edits)) {}
  std::vector<Edit> edits_;
};

}  // namespace freehold

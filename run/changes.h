// Changes: what a session loads beside the model, which stays as it is: an adapter of its weights, edits of its
// activations. Sessions with different ones go through a pass together; each row sees the changes of its own session.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "model/adapter.h"
#include "model/pass.h"

namespace freehold {

struct Changes {
  Adapter adapter = {};
  std::vector<std::shared_ptr<Observer>> edits = {};  // none of what the head reads or gives; must keep no state
  uint64_t id = 0;                                    // equal ones, and no others, give equal bits; 0: no change
};

// An observer that sees the rows of one sequence of the batch, as if it were alone.
class OfSequence final : public Observer {
 public:
  OfSequence(Observer& inner, int sequence) : inner_(inner), sequence_(sequence) {}
  bool wants(Point point, int layer) const override { return inner_.wants(point, layer); }
  void seen(Pass&, const Site&, Tensor& x) override;

 private:
  Observer& inner_;
  int sequence_;
};

}  // namespace freehold

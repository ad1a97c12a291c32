#include "ops/tape.h"

#include <algorithm>

#include "base/check.h"

namespace freehold {

void Tape::record(const Tensor& output, std::function<void(Tape&)> back) {
  steps_.push_back({output.storage(), std::move(back)});
}

void Tape::backward(const Tensor& loss) {
  CHECK(loss.shape().elements() == 1, "{}", loss.shape().text());
  grad(loss)[0] = 1;
  while (!steps_.empty()) {
    const Step step = std::move(steps_.back());
    steps_.pop_back();
    if (grads_.contains(step.output)) step.back(*this);
  }
}

bool Tape::has_grad(const Tensor& x) const { return grads_.contains(x.storage()); }

std::span<float> Tape::grad(const Tensor& x) {
  std::vector<float>& whole = grads_[x.storage()];
  if (whole.empty()) whole.assign(static_cast<size_t>(x.storage()->size), 0.0f);
  return std::span(whole).subspan(static_cast<size_t>(x.offset()), static_cast<size_t>(x.shape().elements()));
}

std::span<float> Tape::weight_grad(const Linear& linear) {
  std::vector<float>& whole = weight_grads_[linear.id];
  if (whole.empty()) whole.assign(static_cast<size_t>(linear.weight.rows * linear.weight.cols), 0.0f);
  return whole;
}

}  // namespace freehold

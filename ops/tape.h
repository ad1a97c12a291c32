// Tape: what backward needs, recorded by the ops while they compute. Gradients belong to storages, so a gradient seen
// through a view is part of the gradient of the whole. Gradients are exact-arithmetic ones: rounding of activations to
// 8 bits counts as identity.
#pragma once

#include <functional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace freehold {

class Tape {
 public:
  // `back` adds to the gradients of an op's inputs from that of its output. It runs at most once, in reverse order of
  // recording, and only if the output has a gradient.
  void record(const Tensor& output, std::function<void(Tape&)> back);

  void backward(const Tensor& loss);  // loss: one number; its gradient is 1

  bool has_grad(const Tensor&) const;
  // The gradient of the loss with respect to this view: zeros until somebody added to it. Valid until the tape's end.
  std::span<float> grad(const Tensor&);

  // Weights take part only when asked for: their gradients are as large as the weights in float.
  void track(const Linear& linear) { tracked_.insert(linear.id); }
  bool tracks(const Linear& linear) const { return tracked_.contains(linear.id); }
  std::span<float> weight_grad(const Linear&);  // [rows, cols], zeros at first

 private:
  struct Step {
    Storage* output;
    std::function<void(Tape&)> back;
  };
  std::vector<Step> steps_;
  std::unordered_map<const Storage*, std::vector<float>> grads_;
  std::unordered_map<int, std::vector<float>> weight_grads_;
  std::unordered_set<int> tracked_;
};

}  // namespace freehold

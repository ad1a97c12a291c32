#include "train/adamw.h"

#include <cmath>

#include "base/check.h"

namespace freehold {

void adamw_step(const AdamW& settings, int64_t step, std::span<const float> gradient, std::span<float> m,
                std::span<float> v, std::span<float> parameters) {
  CHECK(gradient.size() == parameters.size() && m.size() == parameters.size() && v.size() == parameters.size(),
        "{} {} {} {}", gradient.size(), m.size(), v.size(), parameters.size());
  const auto decay = static_cast<float>(1 - settings.learning_rate * settings.weight_decay);
  const auto beta1 = static_cast<float>(settings.beta1), beta2 = static_cast<float>(settings.beta2);
  const auto rest1 = static_cast<float>(1 - settings.beta1), rest2 = static_cast<float>(1 - settings.beta2);
  const double correction1 = 1 - std::pow(settings.beta1, static_cast<double>(step));
  const double correction2 = 1 - std::pow(settings.beta2, static_cast<double>(step));
  const auto rate = static_cast<float>(settings.learning_rate / correction1);
  const auto root = static_cast<float>(std::sqrt(correction2)), eps = static_cast<float>(settings.eps);
  for (size_t i = 0; i < parameters.size(); ++i) {
    m[i] = beta1 * m[i] + rest1 * gradient[i];
    v[i] = beta2 * v[i] + rest2 * gradient[i] * gradient[i];
    parameters[i] = parameters[i] * decay - rate * m[i] / (std::sqrt(v[i]) / root + eps);
  }
}

}  // namespace freehold

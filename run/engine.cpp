#include "run/engine.h"

#include <bit>

#include "base/checksum.h"
#include "tensor/pack.h"

namespace freehold {
namespace {

// Counts the changes of the bits that a numeric mode gives: what was saved before one is not taken up after it.
constexpr int64_t arithmetic_version = 3;

}  // namespace

uint64_t Engine::fingerprint() {
  if (fingerprint_ != 0) return fingerprint_;
  uint64_t sum = 1;
  const auto add_bytes = [&](std::span<const std::byte> bytes) { sum = checksum64(bytes, sum); };
  const auto add_text = [&](std::string_view text) { add_bytes(std::as_bytes(std::span(text))); };
  const auto add_numbers = [&](std::initializer_list<int64_t> numbers) {
    add_bytes(std::as_bytes(std::span(numbers.begin(), numbers.size())));
  };
  const ModelFacts& facts = model_.facts();
  add_text(facts.architecture);
  add_text(text_of(model_.mode()));
  add_numbers({arithmetic_version, facts.layers, facts.hidden, facts.vocabulary, facts.heads, facts.kv_heads,
               facts.head_dim, facts.ffn});
  model_.each_linear([&](std::string_view name, Linear& linear) {
    const Weight& w = linear.weight;
    add_text(name);
    add_numbers({w.rows, w.cols, static_cast<int64_t>(w.format), static_cast<int64_t>(w.layout)});
    add_numbers({static_cast<int64_t>(w.checksum ? w.checksum : checksum_of(w, pool_))});
    add_bytes(w.scales);
  });
  model_.each_tensor([&](std::string_view name, Tensor& tensor) {
    add_text(name);
    add_bytes(std::as_bytes(tensor.all()));
  });
  return fingerprint_ = sum != 0 ? sum : 1;
}

}  // namespace freehold

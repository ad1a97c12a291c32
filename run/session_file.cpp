// Saved state of a session, little-endian:
//
//   magic "FHSTATE1" | u64 fingerprint of the engine | u64 edits | u32 layers | u32 vocabulary | u32 tokens n | u32
//   logits i32 token [n] | f32 logit [vocabulary] if logits is 1 each layer: u32 type (0 f32, 1 f16) | u32 kv_heads |
//   u32 head_dim | u32 value_dim
//               keys [n][kv_heads][head_dim], values [n][kv_heads][value_dim] in that type
//   u64 checksum64 of all before
//
// Keys and values stand position by position, whatever the layout of pages, and only those in use: nothing of a
// conversation that was rewound gets into a file.
#include <bit>
#include <cstring>

#include "base/checksum.h"
#include "base/numbers.h"
#include "base/reader.h"
#include "run/session.h"

namespace freehold {
namespace {

constexpr std::string_view magic = "FHSTATE1";
constexpr uint64_t most_bytes = 1ull << 40;

class Writer {
 public:
  void bytes(const void* from, size_t count) { out_.append(static_cast<const char*>(from), count); }
  template <class T>
  void number(T value) {
    bytes(&value, sizeof(T));
  }
  void reals(std::span<const float> values, KvType type) {
    if (type == KvType::f32) return bytes(values.data(), values.size_bytes());
    for (const float value : values) number(f16_of_float(value));  // exact: the cache held halves
  }
  std::string& text() { return out_; }

 private:
  std::string out_;
};

size_t bytes_of(KvType type) { return type == KvType::f16 ? 2 : 4; }

void decode(std::span<const std::byte> from, KvType type, std::span<float> to) {
  if (type == KvType::f32) {
    std::memcpy(to.data(), from.data(), to.size_bytes());
    return;
  }
  for (size_t i = 0; i < to.size(); ++i) {
    uint16_t half;
    std::memcpy(&half, from.data() + 2 * i, 2);
    to[i] = float_of_f16(half);
  }
}

struct Buffers {  // buffers for one position
  explicit Buffers(const KvShape& s)
      : key(static_cast<size_t>(s.kv_heads) * static_cast<size_t>(s.head_dim)),
        value(static_cast<size_t>(s.kv_heads) * static_cast<size_t>(s.value_dim)) {}
  std::vector<float> key, value;
};

Result<Done> check_savable(KvCache& cache, int layers) {
  for (int layer = 0; layer < layers; ++layer)
    if (!cache.pages(layer))
      return unsupported("state: layer {} keeps no pages of keys and values; cannot be saved yet", layer);
  return Done{};
}

}  // namespace

Result<Done> Session::save(const Path& path) const {
  const ModelFacts& facts = engine_->model().facts();
  TRY(check_savable(*cache_, facts.layers));
  Writer out;
  out.bytes(magic.data(), magic.size());
  out.number(engine_->fingerprint());
  out.number(options_.edits);
  out.number(static_cast<uint32_t>(facts.layers));
  out.number(static_cast<uint32_t>(facts.vocabulary));
  out.number(static_cast<uint32_t>(tokens_.size()));
  out.number(static_cast<uint32_t>(has_logits_));
  out.bytes(tokens_.data(), tokens_.size() * sizeof(Token));
  if (has_logits_) out.bytes(logits_.data(), logits_.size() * sizeof(float));
  for (int layer = 0; layer < facts.layers; ++layer) {
    const KvPages& pages = *cache_->pages(layer);
    const KvShape& shape = pages.shape();
    out.number(static_cast<uint32_t>(shape.type));
    out.number(static_cast<uint32_t>(shape.kv_heads));
    out.number(static_cast<uint32_t>(shape.head_dim));
    out.number(static_cast<uint32_t>(shape.value_dim));
    Buffers row(shape);
    Writer values;
    for (int position = 0; position < this->position(); ++position) {
      pages.read(position, row.key.data(), row.value.data());
      out.reals(row.key, shape.type);
      values.reals(row.value, shape.type);
    }
    out.bytes(values.text().data(), values.text().size());
  }
  out.number(checksum64(std::as_bytes(std::span<const char>(out.text()))));
  return replace_file(path, out.text(), 0600);
}

Result<Done> Session::restore(const Path& path) {
  const ModelFacts& facts = engine_->model().facts();
  TRY(check_savable(*cache_, facts.layers));
  TRY_ASSIGN(const std::string file, read_file(path, most_bytes));
  const auto bytes = std::as_bytes(std::span<const char>(file));
  const std::string name = path.filename().string();
  if (!file.starts_with(magic))
    return malformed("{}: expected saved state of freehold (\"{}\"), found another file", name, magic);
  if (file.size() < magic.size() + 40) return malformed("{}: cut off after {} bytes", name, file.size());
  uint64_t sum;
  std::memcpy(&sum, bytes.data() + bytes.size() - 8, 8);
  if (sum != checksum64(bytes.first(bytes.size() - 8)))
    return failure(Fault::integrity, fmt::format("{}: checksum does not fit: the file is damaged or cut off", name));

  // From here on a file is damaged on purpose, or another model's.
  Reader in(bytes.first(bytes.size() - 8), name);
  TRY(in.take(magic.size(), "magic"));
  TRY_ASSIGN(const uint64_t fingerprint, in.u64("fingerprint"));
  TRY_ASSIGN(const uint64_t edits, in.u64("edits"));
  if (fingerprint != engine_->fingerprint())
    return inconsistent("{}: saved with another model or numeric mode (fingerprint {:016x}, this one has {:016x})",
                        name, fingerprint, engine_->fingerprint());
  if (edits != options_.edits)
    return inconsistent("{}: saved with other edits or adapter ({:016x}, now {:016x})", name, edits, options_.edits);
  TRY_ASSIGN(const uint32_t layers, in.u32("layers"));
  TRY_ASSIGN(const uint32_t vocabulary, in.u32("vocabulary"));
  TRY_ASSIGN(const uint32_t count, in.u32("tokens"));
  TRY_ASSIGN(const uint32_t has_logits, in.u32("logits"));
  if (layers != static_cast<uint32_t>(facts.layers) || vocabulary != static_cast<uint32_t>(facts.vocabulary) ||
      has_logits > 1)
    return malformed("{}: {} layers, vocabulary {}, logits {}: expected {}, {} and 0 or 1", name, layers, vocabulary,
                     has_logits, facts.layers, facts.vocabulary);
  if (count > static_cast<uint32_t>(options_.positions))
    return out_of_resources("{}: {} tokens do not fit into {} positions; raise --context", name, count,
                            options_.positions);
  std::vector<Token> tokens(count);
  TRY_ASSIGN(const auto token_bytes, in.take(count * sizeof(Token), "tokens"));
  if (count > 0) std::memcpy(tokens.data(), token_bytes.data(), token_bytes.size());
  for (const Token token : tokens)
    if (token < 0 || token >= facts.vocabulary)
      return malformed("{}: token {} is not in the vocabulary of {}", name, token, facts.vocabulary);
  TRY_ASSIGN(const auto logits, in.take(has_logits * static_cast<uint64_t>(vocabulary) * sizeof(float), "logits"));

  // All layers are checked before the first is written, so that a refused file leaves the session as it was.
  std::vector<std::span<const std::byte>> keys, values;
  for (int layer = 0; layer < facts.layers; ++layer) {
    const KvShape& shape = cache_->pages(layer)->shape();
    for (const auto& [what, expected] : {std::pair{"type", static_cast<int>(shape.type)},
                                         {"key heads", shape.kv_heads},
                                         {"head size", shape.head_dim},
                                         {"value size", shape.value_dim}}) {
      TRY_ASSIGN(const uint32_t found, in.u32(what));
      if (found != static_cast<uint32_t>(expected))
        return malformed("{}: layer {}: {} {}, expected {}", name, layer, what, found, expected);
    }
    const Buffers row(shape);
    TRY_ASSIGN(keys.emplace_back(), in.take(count * row.key.size() * bytes_of(shape.type), "keys"));
    TRY_ASSIGN(values.emplace_back(), in.take(count * row.value.size() * bytes_of(shape.type), "values"));
  }
  if (in.left() != 0) return malformed("{}: {} bytes too many at offset {}", name, in.left(), in.at());

  for (int layer = 0; layer < facts.layers; ++layer) {
    KvPages& pages = *cache_->pages(layer);
    const KvType type = pages.shape().type;
    Buffers row(pages.shape());
    const size_t key_bytes = row.key.size() * bytes_of(type), value_bytes = row.value.size() * bytes_of(type);
    for (uint32_t i = 0; i < count; ++i) {
      decode(keys[static_cast<size_t>(layer)].subspan(i * key_bytes, key_bytes), type, row.key);
      decode(values[static_cast<size_t>(layer)].subspan(i * value_bytes, value_bytes), type, row.value);
      pages.write(static_cast<int>(i), row.key.data(), row.value.data());
    }
  }
  tokens_.assign(tokens.begin(), tokens.end());
  has_logits_ = has_logits == 1;
  if (has_logits_) std::memcpy(logits_.data(), logits.data(), logits.size());
  return Done{};
}

}  // namespace freehold

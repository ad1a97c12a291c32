// Saved state of a session, little-endian:
//
//   magic "FHSTATE2" | u64 fingerprint of the engine | u64 changes
//   u32 layers | u32 vocabulary | u32 tokens n | u32 tokens in whole blocks | u32 logits
//   i32 token [n] | f32 logit [vocabulary] if logits is 1
//   each layer: u32 type (0 f32, 1 f16, 2 q8) | u32 kv_heads | u32 head_dim | u32 value_dim
//               keys [n], values [n] as stored rows of that type (ops/kv_pages.h): [kv_heads][dim] numbers, of q8
//               codes [kv_heads][blocks][32] and then f16 scales [kv_heads][blocks]
//               index keys [n], where the layer has an indexer
//   u64 checksum64 of all before
//
// Keys and values stand position by position, whatever the layout of pages, and only those in use: nothing of a
// conversation that was rewound gets into a file.
#include <cstring>

#include "base/check.h"
#include "base/checksum.h"
#include "base/reader.h"
#include "run/session.h"

namespace freehold {
namespace {

constexpr std::string_view magic = "FHSTATE2";
constexpr uint64_t most_bytes = 1ull << 40;

class Writer {
 public:
  void bytes(const void* from, size_t count) { out_.append(static_cast<const char*>(from), count); }
  template <class T>
  void number(T value) {
    bytes(&value, sizeof(T));
  }
  std::string& text() { return out_; }

 private:
  std::string out_;
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
  out.number(changes());
  out.number(static_cast<uint32_t>(facts.layers));
  out.number(static_cast<uint32_t>(facts.vocabulary));
  out.number(static_cast<uint32_t>(tokens_.size()));
  out.number(static_cast<uint32_t>(blocks()));
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
    std::vector<std::byte> key(shape.key_row_bytes()), value(shape.value_row_bytes()), index(shape.index_row_bytes());
    Writer values, indexes;
    for (int position = 0; position < this->position(); ++position) {
      pages.read_stored(position, key.data(), value.data());
      out.bytes(key.data(), key.size());
      values.bytes(value.data(), value.size());
      pages.view().take_index(position, index.data());
      indexes.bytes(index.data(), index.size());
    }
    out.bytes(values.text().data(), values.text().size());
    out.bytes(indexes.text().data(), indexes.text().size());
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
  if (file.size() < magic.size() + 44) return malformed("{}: cut off after {} bytes", name, file.size());
  uint64_t sum;
  std::memcpy(&sum, bytes.data() + bytes.size() - 8, 8);
  if (sum != checksum64(bytes.first(bytes.size() - 8)))
    return failure(Fault::integrity, fmt::format("{}: checksum does not fit: the file is damaged or cut off", name));

  // From here on a file is damaged on purpose, or another model's.
  Reader in(bytes.first(bytes.size() - 8), name);
  TRY(in.take(magic.size(), "magic"));
  TRY_ASSIGN(const uint64_t fingerprint, in.u64("fingerprint"));
  TRY_ASSIGN(const uint64_t saved_changes, in.u64("changes"));
  if (fingerprint != engine_->fingerprint())
    return inconsistent("{}: saved with another model or numeric mode (fingerprint {:016x}, this one has {:016x})",
                        name, fingerprint, engine_->fingerprint());
  if (saved_changes != changes())
    return inconsistent("{}: saved with other changes ({:016x}, now {:016x})", name, saved_changes, changes());
  TRY_ASSIGN(const uint32_t layers, in.u32("layers"));
  TRY_ASSIGN(const uint32_t vocabulary, in.u32("vocabulary"));
  TRY_ASSIGN(const uint32_t count, in.u32("tokens"));
  TRY_ASSIGN(const uint32_t blocks, in.u32("tokens in whole blocks"));
  TRY_ASSIGN(const uint32_t has_logits, in.u32("logits"));
  if (layers != static_cast<uint32_t>(facts.layers) || vocabulary != static_cast<uint32_t>(facts.vocabulary) ||
      has_logits > 1)
    return malformed("{}: {} layers, vocabulary {}, logits {}: expected {}, {} and 0 or 1", name, layers, vocabulary,
                     has_logits, facts.layers, facts.vocabulary);
  if (blocks > count || blocks > static_cast<uint32_t>(facts.blocks))
    return malformed("{}: {} of {} tokens in whole blocks; expected at most {}", name, blocks, count,
                     std::min(count, static_cast<uint32_t>(facts.blocks)));
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
  std::vector<std::span<const std::byte>> keys, values, indexes;
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
    TRY_ASSIGN(keys.emplace_back(), in.take(count * shape.key_row_bytes(), "keys"));
    TRY_ASSIGN(values.emplace_back(), in.take(count * shape.value_row_bytes(), "values"));
    TRY_ASSIGN(indexes.emplace_back(), in.take(count * shape.index_row_bytes(), "index keys"));
  }
  if (in.left() != 0) return malformed("{}: {} bytes too many at offset {}", name, in.left(), in.at());

  for (int layer = 0; layer < facts.layers; ++layer) {
    KvPages& pages = *cache_->pages(layer);
    const std::byte *key = keys[static_cast<size_t>(layer)].data(), *value = values[static_cast<size_t>(layer)].data();
    const std::byte* index = indexes[static_cast<size_t>(layer)].data();
    for (uint32_t i = 0; i < count; ++i) {
      pages.write_stored(static_cast<int>(i), key + i * pages.shape().key_row_bytes(),
                         value + i * pages.shape().value_row_bytes());
      pages.view().put_index(static_cast<int>(i), index + i * pages.shape().index_row_bytes());
    }
  }
  if (drafts_) drafts_->shrink(tokens_, 0);
  if (prediction_) prediction_->rewind(0, false);
  computed_ = taken_ = 0;
  tokens_.assign(tokens.begin(), tokens.end());
  blocks_ = static_cast<int>(blocks);
  has_logits_ = has_logits == 1;
  if (has_logits_) std::memcpy(logits_.data(), logits.data(), logits.size());
  return Done{};
}

Result<size_t> Session::page_bytes() const {
  const int layers = engine_->model().facts().layers;
  TRY(check_savable(*cache_, layers));
  size_t bytes = 0;
  for (int layer = 0; layer < layers; ++layer) bytes += cache_->pages(layer)->shape().page_bytes();
  return bytes;
}

std::string Session::copy_of_page(int page) const {
  CHECK(page >= 0 && (page + 1) * kv_page_positions <= position(), "page {} of {} positions", page, position());
  Writer out;
  for (int layer = 0; layer < engine_->model().facts().layers; ++layer) {
    const KvView& view = cache_->pages(layer)->view();
    out.bytes(view.page(page), view.shape.page_bytes());
  }
  return std::move(out.text());
}

void Session::append_page(std::span<const Token> tokens, std::string_view bytes) {
  const int page = position() / kv_page_positions;
  CHECK(tokens.size() == kv_page_positions && position() % kv_page_positions == 0 && room() >= kv_page_positions,
        "{} tokens at position {}", tokens.size(), position());
  for (int layer = 0; layer < engine_->model().facts().layers; ++layer) {
    const KvView& view = cache_->pages(layer)->view();
    CHECK(bytes.size() >= view.shape.page_bytes(), "{} bytes of layer {}", bytes.size(), layer);
    std::memcpy(view.page(page), bytes.data(), view.shape.page_bytes());
    bytes.remove_prefix(view.shape.page_bytes());
  }
  CHECK(bytes.empty(), "{} bytes too many", bytes.size());
  if (prediction_) prediction_->rewind(0, false);
  computed_ = taken_ = 0;
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  has_logits_ = false;
}

}  // namespace freehold

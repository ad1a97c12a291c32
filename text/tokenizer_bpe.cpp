#include "text/tokenizer_bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "base/check.h"
#include "base/limits.h"

namespace freehold {
namespace {

constexpr int longest_search = 512;
constexpr size_t short_piece = 48;  // bytes; up to here a linear search for the lowest rank beats a queue

Failure crowded(std::string_view file, std::string_view what) {
  return malformed("{}: tokenizer: too many {} fall on one hash value", file, what);
}

}  // namespace

Result<ByteBpe> ByteBpe::build(const Parts& parts) {
  ByteBpe bpe;
  bpe.seed_ = parts.seed;
  bpe.of_byte_.fill(no_token);
  for (Token word : parts.words)
    if (const auto bytes = parts.bytes[word]; bytes.size() == 1)
      bpe.of_byte_[static_cast<unsigned char>(bytes[0])] = word;

  const size_t slots = std::bit_ceil(parts.merges.size() * 3 / 2 + 2);
  bpe.shift_ = 64 - std::countr_zero(slots);
  bpe.pairs_.assign(slots, {no_pair, 0, no_token});
  for (size_t rank = 0; rank < parts.merges.size(); ++rank) {
    const Merge& m = parts.merges[rank];
    const uint64_t key = (static_cast<uint64_t>(static_cast<uint32_t>(m.left)) << 32) | static_cast<uint32_t>(m.right);
    size_t i = mixed(key ^ bpe.seed_, 0x9e3779b97f4a7c15ull) >> bpe.shift_;
    for (int looked = 0; bpe.pairs_[i].key != no_pair; ++looked, i = (i + 1) & (slots - 1)) {
      if (bpe.pairs_[i].key == key)
        return malformed("{}: tokenizer: the merge of '{}' and '{}' is listed twice", parts.file,
                         printable(parts.bytes[m.left]), printable(parts.bytes[m.right]));
      if (looked == longest_search) return crowded(parts.file, "merges");
    }
    bpe.pairs_[i] = {key, static_cast<uint32_t>(rank), m.merged};
  }

  bpe.whole_ = TokenIndex(parts.words.size(), parts.seed);
  std::vector<Token> rest, merged;
  Scratch scratch;
  for (Token word : parts.words) {
    bool whole = parts.ignore_merges;
    if (!whole) {
      merged.clear();
      bpe.merge(parts.bytes[word], scratch, merged);
      whole = merged.size() == 1 && merged[0] == word;
    }
    if (!whole)
      rest.push_back(word);
    else if (bpe.whole_.put(parts.bytes, word) != TokenIndex::Put::done)
      return crowded(parts.file, "tokens");
  }
  bpe.others_ = TokenIndex(rest.size(), parts.seed);
  for (Token word : rest)
    if (bpe.others_.put(parts.bytes, word) != TokenIndex::Put::done) return crowded(parts.file, "tokens");
  return bpe;
}

Token ByteBpe::find(const TokenBytes& bytes, std::string_view wanted) const {
  const Token token = whole_.find(bytes, wanted);
  return token != no_token ? token : others_.find(bytes, wanted);
}

void ByteBpe::encode(const TokenBytes& bytes, std::string_view piece, Scratch& scratch, std::vector<Token>& out) const {
  if (const Token token = whole_.find(bytes, piece); token != no_token) {
    out.push_back(token);
    return;
  }
  while (piece.size() > limits::token_piece_bytes) {  // bounds the memory of a piece; no real text comes here
    merge(piece.substr(0, limits::token_piece_bytes), scratch, out);
    piece.remove_prefix(limits::token_piece_bytes);
  }
  merge(piece, scratch, out);
}

void ByteBpe::merge(std::string_view piece, Scratch& scratch, std::vector<Token>& out) const {
  scratch.tokens.clear();
  for (char byte : piece)
    if (const Token token = of_byte_[static_cast<unsigned char>(byte)]; token != no_token)
      scratch.tokens.push_back(token);
  if (scratch.tokens.size() <= short_piece)
    merge_short(scratch, out);
  else
    merge_long(scratch, out);
}

// pairs[i]: the merge of tokens i and i + 1, as rank in the high and merged token in the low half; ~0 for none.
void ByteBpe::merge_short(Scratch& scratch, std::vector<Token>& out) const {
  std::vector<Token>& tokens = scratch.tokens;
  std::vector<uint64_t>& pairs = scratch.pairs;
  const auto merge_at = [&](size_t i) {
    const Pair* pair = find_pair(tokens[i], tokens[i + 1]);
    return pair ? (static_cast<uint64_t>(pair->rank) << 32) | static_cast<uint32_t>(pair->merged) : ~0ull;
  };
  pairs.clear();
  for (size_t i = 0; i + 1 < tokens.size(); ++i) pairs.push_back(merge_at(i));
  while (!pairs.empty()) {
    const auto lowest = std::min_element(pairs.begin(), pairs.end());  // the leftmost of equal ones
    if (*lowest == ~0ull) break;
    const auto i = static_cast<size_t>(lowest - pairs.begin());
    tokens[i] = static_cast<Token>(*lowest & 0xffffffffu);
    tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(i) + 1);
    pairs.erase(lowest);
    if (i > 0) pairs[i - 1] = merge_at(i - 1);
    if (i < pairs.size()) pairs[i] = merge_at(i);
  }
  out.insert(out.end(), tokens.begin(), tokens.end());
}

// A doubly linked list of tokens and a queue of possible merges, rank in the high and place in the low half. An entry
// is stale when the pair at its place has another rank by now.
void ByteBpe::merge_long(Scratch& scratch, std::vector<Token>& out) const {
  std::vector<Token>& tokens = scratch.tokens;
  std::vector<int32_t>&next = scratch.next, &previous = scratch.previous;
  std::vector<uint64_t>& queue = scratch.queue;
  const auto count = static_cast<int32_t>(tokens.size());
  next.resize(tokens.size());
  previous.resize(tokens.size());
  for (int32_t i = 0; i < count; ++i) {
    next[static_cast<size_t>(i)] = i + 1 < count ? i + 1 : -1;
    previous[static_cast<size_t>(i)] = i - 1;
  }
  const auto pair_at = [&](int32_t i) -> const Pair* {
    const int32_t j = next[static_cast<size_t>(i)];
    return j < 0 ? nullptr : find_pair(tokens[static_cast<size_t>(i)], tokens[static_cast<size_t>(j)]);
  };
  const auto entry = [](const Pair* pair, int32_t i) {
    return (static_cast<uint64_t>(pair->rank) << 32) | static_cast<uint32_t>(i);
  };
  queue.clear();
  for (int32_t i = 0; i < count; ++i)
    if (const Pair* pair = pair_at(i)) queue.push_back(entry(pair, i));
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  const auto offer = [&](int32_t i) {
    if (const Pair* pair = pair_at(i)) {
      queue.push_back(entry(pair, i));
      std::push_heap(queue.begin(), queue.end(), std::greater<>());
    }
  };
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const uint64_t lowest = queue.back();
    queue.pop_back();
    const auto i = static_cast<int32_t>(lowest & 0xffffffffu);
    if (tokens[static_cast<size_t>(i)] == no_token) continue;
    const Pair* pair = pair_at(i);
    if (!pair || pair->rank != lowest >> 32) continue;
    const int32_t gone = next[static_cast<size_t>(i)], after = next[static_cast<size_t>(gone)];
    tokens[static_cast<size_t>(i)] = pair->merged;
    tokens[static_cast<size_t>(gone)] = no_token;
    next[static_cast<size_t>(i)] = after;
    if (after >= 0) previous[static_cast<size_t>(after)] = i;
    if (previous[static_cast<size_t>(i)] >= 0) offer(previous[static_cast<size_t>(i)]);
    offer(i);
  }
  for (int32_t i = count ? 0 : -1; i >= 0; i = next[static_cast<size_t>(i)])
    out.push_back(tokens[static_cast<size_t>(i)]);
}

}  // namespace freehold

// Packing into R16K4: groups of 16 output rows, 64-byte lines of 16 rows x 4 inputs, scales as vectors over rows
// (docs/formats.md has each record). Lossless: unpack() gives the source's bytes back. A matrix is packed in pieces of
// about 4 MiB, side by side; what has been read of the source can be let go piece by piece.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "base/pool.h"
#include "tensor/weight.h"

namespace freehold {

bool packs(Format);                                         // formats without a packed form stay in source order
bool packs(Format, int64_t cols);                           // and columns that are whole blocks
int64_t packed_group_bytes(Format, int64_t cols);           // of 16 rows
uint64_t packed_bytes(Format, int64_t rows, int64_t cols);  // rows padded to 16

// Called with parts of the source that have been read and are not needed again, from any worker.
using Let = std::function<void(std::span<const std::byte>)>;
// `to` has packed_bytes() zeros, 64-byte aligned: pages straight from the system are not written twice, and belong to
// the worker that packs them.
void pack(const Weight& source, std::byte* to, Pool& pool, const Let& let_go = {});
std::vector<std::byte> unpack(const Weight& packed);  // source order again, byte for byte

// The pieces of a weight's bytes: groups of a packed one, plain runs in source order.
int64_t piece_bytes(Format, Layout, int64_t cols);
// Piece `piece` of the pack of `source`, into zeros.
void pack_piece(const Weight& source, int64_t piece, std::byte* to, const Let& let_go = {});
// The pieces of many weights in a row, so that small ones keep all workers busy too.
struct PackPiece {
  size_t weight;       // which of them
  int64_t number;      // among its own
  uint64_t at, bytes;  // where in its bytes
};
void append_pieces(size_t weight, uint64_t bytes, int64_t piece_bytes, std::vector<PackPiece>& pieces);
// How many a region takes.
inline size_t pieces_at_once(const Pool& pool) { return 8 * static_cast<size_t>(pool.threads()); }
// The checksums of the pieces, taken together.
uint64_t fold_checksums(std::span<const uint64_t> pieces);
uint64_t checksum_of_pieces(std::span<const std::byte> bytes, int64_t piece_bytes);
uint64_t checksum_of(const Weight&, Pool& pool);  // the same, side by side

}  // namespace freehold

#include "files/packed_file.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include "base/check.h"
#include "base/checked.h"
#include "base/checksum.h"
#include "base/limits.h"
#include "base/new_file.h"
#include "base/reader.h"

namespace freehold {
namespace {

constexpr std::string_view magic = "FHPACK01";
constexpr uint32_t layout_version = 1;  // of R16K4 and of the codes in it
constexpr uint64_t first_at = 2ull << 20, next_at = 4096;
constexpr uint64_t most_header_bytes = limits::safetensors_header_bytes;  // as many names as such a file may have
constexpr uint64_t fixed_bytes = 8 + 4 + 4 + 3 * 8;                       // before the rows

const FormatInfo* format_named(std::string_view name) {
  for (const FormatInfo& format : all_formats())
    if (format.name == name) return &format;
  return nullptr;
}

Layout packed_layout(const Weight& weight) {
  return packs(weight.format, weight.cols) ? Layout::r16k4 : Layout::source;
}

// Bytes of a matrix, or nothing when they cannot be.
std::optional<uint64_t> matrix_bytes(Format format, Layout layout, uint64_t rows, uint64_t cols) {
  const auto elements = checked_mul(rows, cols);
  if (!elements || *elements == 0 || *elements >= limits::tensor_elements) return std::nullopt;
  if (layout == Layout::source) return stored_bytes(format, *elements);
  if (!packs(format, static_cast<int64_t>(cols))) return std::nullopt;
  return packed_bytes(format, static_cast<int64_t>(rows), static_cast<int64_t>(cols));
}

Result<PackedMatrix> read_row(Reader& in, std::string_view file) {
  PackedMatrix m;
  TRY_ASSIGN(const std::string_view name, in.string(limits::tensor_name_bytes, "name of a matrix"));
  if (name.empty() || !is_clean_utf8(name)) return malformed("{}: a matrix is named '{}'", file, printable(name));
  m.name = name;
  TRY_ASSIGN(const std::string_view stored, in.string(16, "format of a matrix"));
  const FormatInfo* format = format_named(stored);
  if (!format || !format->decode)
    return malformed("{}: matrix '{}': '{}' is no format of weights", file, m.name, printable(stored));
  m.format = format->format;
  TRY_ASSIGN(const uint32_t layout, in.u32("layout of a matrix"));
  if (layout > 1) return malformed("{}: matrix '{}': layout {}; expected 0 or 1", file, m.name, layout);
  m.layout = layout == 1 ? Layout::r16k4 : Layout::source;
  TRY_ASSIGN(const uint64_t rows, in.u64("rows of a matrix"));
  TRY_ASSIGN(const uint64_t cols, in.u64("columns of a matrix"));
  TRY_ASSIGN(m.offset, in.u64("offset of a matrix"));
  TRY_ASSIGN(m.checksum, in.u64("checksum of a matrix"));
  const auto bytes = matrix_bytes(m.format, m.layout, rows, cols);
  if (!bytes) return malformed("{}: matrix '{}': no {} matrix can be [{}, {}]", file, m.name, format->name, rows, cols);
  m.rows = static_cast<int64_t>(rows), m.cols = static_cast<int64_t>(cols);
  m.bytes = *bytes;
  return m;
}

// Positions in the order of names; a name that occurs twice is malformed.
Result<std::vector<uint32_t>> order_of(const std::vector<PackedMatrix>& matrices, std::string_view file) {
  std::vector<uint32_t> order(matrices.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return matrices[a].name < matrices[b].name; });
  for (size_t i = 1; i < order.size(); ++i)
    if (matrices[order[i]].name == matrices[order[i - 1]].name)
      return malformed("{}: matrix '{}' occurs twice", file, matrices[order[i]].name);
  return order;
}

}  // namespace

Result<PackedHeader> read_packed_header(std::span<const std::byte> file, std::string_view name) {
  Reader in(file, name);
  TRY_ASSIGN(const auto begin, in.take(magic.size(), "magic"));
  if (std::memcmp(begin.data(), magic.data(), magic.size()) != 0)
    return unsupported("{}: expected a packed file of freehold (\"{}\")", name, magic);
  TRY_ASSIGN(const uint32_t version, in.u32("layout version"));
  if (version != layout_version)
    return unsupported("{}: layout version {}; this program packs and reads {}", name, version, layout_version);
  TRY_ASSIGN(const uint32_t claimed, in.u32("count of matrices"));
  PackedHeader header;
  TRY_ASSIGN(header.source, in.u64("source"));
  TRY_ASSIGN(const uint64_t header_bytes, in.u64("bytes of the header"));
  TRY_ASSIGN(const uint64_t file_bytes, in.u64("bytes of the file"));
  if (file_bytes != file.size())
    return malformed("{}: has {} bytes, its header says {}: cut off or grown", name, file.size(), file_bytes);
  if (header_bytes > most_header_bytes || header_bytes > file.size() || header_bytes < fixed_bytes + 8)
    return malformed("{}: a header of {} bytes; expected {} to {}, within the file", name, header_bytes,
                     fixed_bytes + 8, most_header_bytes);
  uint64_t sum;
  std::memcpy(&sum, file.data() + header_bytes - 8, 8);
  if (sum != checksum64(file.first(header_bytes - 8)))
    return failure(Fault::integrity, fmt::format("{}: the checksum of its header does not fit: damaged", name));

  // From here on it is damaged on purpose.
  Reader rows(file.first(header_bytes - 8), name);
  TRY(rows.take(fixed_bytes, "header"));
  TRY_ASSIGN(const size_t count, rows.count(claimed, 8 + 8 + 4 + 4 * 8, limits::matrices, "matrices"));
  header.matrices.reserve(count);
  uint64_t expected = (header_bytes + first_at - 1) / first_at * first_at;
  for (size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(PackedMatrix m, read_row(rows, name));
    if (m.offset != expected)
      return malformed("{}: matrix '{}' stands at {}; expected {}", name, m.name, m.offset, expected);
    const auto end = checked_add(m.offset, m.bytes);
    const auto next = end ? checked_align(*end, next_at) : std::nullopt;
    if (!next || *next > file.size())
      return malformed("{}: matrix '{}' of {} bytes at {} reaches beyond the file's {}", name, m.name, m.bytes,
                       m.offset, file.size());
    expected = *next;
    header.matrices.push_back(std::move(m));
  }
  if (rows.left() > 0) return malformed("{}: {} bytes behind the last matrix of the header", name, rows.left());
  if (expected != file.size())
    return malformed("{}: has {} bytes, its matrices end at {}", name, file.size(), expected);
  TRY(order_of(header.matrices, name));
  return header;
}

Result<PackedFile> PackedFile::open(const Path& path) {
  PackedFile packed;
  packed.path_ = path;
  TRY_ASSIGN(packed.file_, MappedFile::open(path));
  TRY_ASSIGN(packed.header_, read_packed_header(packed.file_.bytes(), packed.name()));
  TRY_ASSIGN(packed.by_name_, order_of(packed.matrices(), packed.name()));
  if (!packed.intact()) return io_error("{}: was changed while it was read", packed.name());
  return packed;
}

Result<const PackedMatrix*> PackedFile::matrix_of(const Weight& weight) const {
  const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), weight.name,
                                      [&](uint32_t i, const auto& wanted) { return matrices()[i].name < wanted; });
  if (found == by_name_.end() || matrices()[*found].name != weight.name)
    return inconsistent("{}: has no matrix '{}'; packed for other uses of the model", name(), weight.name);
  const PackedMatrix& m = matrices()[*found];
  if (m.rows != weight.rows || m.cols != weight.cols || m.format != weight.format || m.layout != packed_layout(weight))
    return inconsistent("{}: matrix '{}' is {} [{}, {}]; the model's is {} [{}, {}]", name(), m.name,
                        info(m.format).name, m.rows, m.cols, info(weight.format).name, weight.rows, weight.cols);
  return &m;
}

Result<Done> PackedFile::verify(std::span<const PackedMatrix* const> matrices,
                                const std::function<void(double)>& progress, Pool& pool) const {
  std::vector<PackPiece> pieces;
  for (size_t i = 0; i < matrices.size(); ++i)
    append_pieces(i, matrices[i]->bytes, piece_bytes(matrices[i]->format, matrices[i]->layout, matrices[i]->cols),
                  pieces);
  std::vector<uint64_t> sums(pieces.size());
  for (size_t first = 0, count; first < pieces.size(); first += count) {
    count = std::min(pieces_at_once(pool), pieces.size() - first);
    pool.run(static_cast<int>(count), [&](int i, int) {
      const PackPiece& p = pieces[first + static_cast<size_t>(i)];
      sums[first + static_cast<size_t>(i)] = checksum64(bytes(*matrices[p.weight]).subspan(p.at, p.bytes));
    });
    if (progress) progress(static_cast<double>(first + count) / static_cast<double>(pieces.size()));
  }
  for (size_t at = 0, end = 0; at < pieces.size(); at = end) {
    const PackedMatrix& m = *matrices[pieces[at].weight];
    while (end < pieces.size() && pieces[end].weight == pieces[at].weight) ++end;
    if (fold_checksums(std::span(sums).subspan(at, end - at)) != m.checksum)
      return failure(Fault::integrity,
                     fmt::format("{}: the checksum of matrix '{}' does not fit: damaged", name(), m.name));
  }
  if (!intact()) return io_error("{}: was changed while it was read", name());
  return Done{};
}

void become_packed(Weight& weight, const PackedMatrix& matrix, const std::byte* bytes) {
  if (matrix.layout == Layout::r16k4) weight.scales = {};  // FP4's, which are in the pack; no other such has its own
  weight.bytes = {bytes, matrix.bytes};
  weight.layout = matrix.layout;
  weight.checksum = matrix.checksum;
}

// ------------------------------------------------------------------------------------------------------------------
// Writing

namespace {

void append(std::string& out, const void* from, size_t count) { out.append(static_cast<const char*>(from), count); }
template <class T>
void append_number(std::string& out, T value) {
  append(out, &value, sizeof value);
}
void append_text(std::string& out, std::string_view text) {
  append_number(out, static_cast<uint64_t>(text.size()));
  out += text;
}

std::string header_of(std::span<const PackedMatrix> matrices, uint64_t source, uint64_t header_bytes,
                      uint64_t file_bytes) {
  std::string out(magic);
  append_number(out, layout_version);
  append_number(out, static_cast<uint32_t>(matrices.size()));
  append_number(out, source);
  append_number(out, header_bytes);
  append_number(out, file_bytes);
  for (const PackedMatrix& m : matrices) {
    append_text(out, m.name);
    append_text(out, info(m.format).name);
    append_number(out, static_cast<uint32_t>(m.layout == Layout::r16k4));
    append_number(out, static_cast<uint64_t>(m.rows));
    append_number(out, static_cast<uint64_t>(m.cols));
    append_number(out, m.offset);
    append_number(out, m.checksum);
  }
  append_number(out, checksum64(std::as_bytes(std::span<const char>(out))));
  return out;
}

// Zeros between the last piece of a matrix and the next matrix.
uint64_t gap_behind(const std::vector<PackedMatrix>& matrices, const PackPiece& p) {
  const PackedMatrix& m = matrices[p.weight];
  return p.at + p.bytes < m.bytes ? 0 : matrices[p.weight + 1].offset - m.offset - m.bytes;
}

struct FreeAligned {
  void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
};

// The matrices, some pieces at once: packed side by side to where they stand in the file, as far as it is in `room`,
// and then written together.
Result<Done> write_matrices(NewFile& file, std::span<const Weight* const> weights, std::vector<PackedMatrix>& matrices,
                            const PackingOptions& options, Pool& pool) {
  std::vector<PackPiece> pieces;
  for (size_t i = 0; i < matrices.size(); ++i)
    append_pieces(i, matrices[i].bytes, piece_bytes(matrices[i].format, matrices[i].layout, matrices[i].cols), pieces);
  std::vector<uint64_t> sums(pieces.size());
  std::unique_ptr<std::byte[], FreeAligned> room;
  uint64_t room_bytes = 0;
  for (size_t first = 0, count; first < pieces.size(); first += count) {
    if (options.progress && !options.progress(static_cast<double>(first) / static_cast<double>(pieces.size())))
      return failure(Fault::cancelled, "packing: cancelled; nothing was changed");
    count = std::min(pieces_at_once(pool), pieces.size() - first);
    const auto place = [&](const PackPiece& p) { return matrices[p.weight].offset + p.at; };
    const PackPiece& last = pieces[first + count - 1];
    const uint64_t begin = place(pieces[first]), size = place(last) + last.bytes - begin;
    if (size > room_bytes) {
      room.reset(static_cast<std::byte*>(::operator new[](size, std::align_val_t{64})));
      room_bytes = size;
    }
    pool.run(static_cast<int>(count), [&](int i, int) {
      const PackPiece& p = pieces[first + static_cast<size_t>(i)];
      const Weight& weight = *weights[p.weight];
      std::byte* to = room.get() + (place(p) - begin);
      if (matrices[p.weight].layout == Layout::r16k4) {
        std::memset(to, 0, p.bytes);
        pack_piece(weight, p.number, to, options.let_go);
      } else {
        std::memcpy(to, weight.bytes.data() + p.at, p.bytes);
      }
      sums[first + static_cast<size_t>(i)] = checksum64({to, p.bytes});
      if (p.weight < last.weight) std::memset(to + p.bytes, 0, gap_behind(matrices, p));
    });
    TRY(file.write(begin, {room.get(), size}));
    if (options.let_go)  // what pieces leave at their edges
      for (size_t i = pieces[first].weight; i <= last.weight; ++i) options.let_go(weights[i]->bytes);
  }
  for (size_t i = 0, at = 0; i < matrices.size(); ++i) {
    size_t end = at;
    while (end < pieces.size() && pieces[end].weight == i) ++end;
    matrices[i].checksum = fold_checksums(std::span(sums).subspan(at, end - at));
    at = end;
  }
  return Done{};
}

}  // namespace

Result<Done> write_packed_file(const Path& path, std::span<const Weight* const> weights, const PackingOptions& options,
                               Pool& pool) {
  const std::string name = path.filename().native();
  std::vector<PackedMatrix> matrices;
  uint64_t header_bytes = fixed_bytes + 8;
  for (const Weight* w : weights) {
    const Layout layout = packed_layout(*w);
    const auto bytes = matrix_bytes(w->format, layout, static_cast<uint64_t>(w->rows), static_cast<uint64_t>(w->cols));
    if (!bytes || (layout == Layout::source && *bytes != w->bytes.size()))
      return unsupported("{}: matrix '{}' cannot be packed", name, w->name);
    matrices.push_back({w->name, w->format, layout, w->rows, w->cols, 0, *bytes, 0});
    header_bytes += 8 + w->name.size() + 8 + info(w->format).name.size() + 4 + 4 * 8;
  }
  TRY(order_of(matrices, name));
  uint64_t end = (header_bytes + first_at - 1) / first_at * first_at;
  for (PackedMatrix& m : matrices) {
    m.offset = end;
    const auto next = checked_add(end, m.bytes);
    const auto aligned = next ? checked_align(*next, next_at) : std::nullopt;
    if (!aligned) return out_of_resources("{}: larger than a file can be", name);
    end = *aligned;
  }

  TRY_ASSIGN(NewFile file, NewFile::create(path, end));
  TRY(write_matrices(file, weights, matrices, options, pool));
  const std::string header = header_of(matrices, options.source, header_bytes, end);
  CHECK(header.size() == header_bytes, "{} bytes of {}", header.size(), header_bytes);
  TRY(file.write(0, std::as_bytes(std::span<const char>(header))));
  return file.commit();
}

}  // namespace freehold

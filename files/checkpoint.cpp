#include "files/checkpoint.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/checksum.h"
#include "base/limits.h"
#include "files/checkpoint_impl.h"

namespace freehold {
namespace {

Result<Checkpoint> finished(Result<std::shared_ptr<Checkpoint::Impl>> opened) {
  if (!opened) return Failure(std::move(opened.error()));
  auto& impl = *opened;
  TRY_ASSIGN(impl->by_name, order_by_name(impl->tensors, printable(impl->name)));
  Checkpoint checkpoint(std::move(impl));
  TRY(checkpoint.check_intact());
  return checkpoint;
}

std::string_view file_of(const Checkpoint& checkpoint) { return checkpoint.name(); }

// The tensor that holds the scales of FP8 tensor `name`, or null.
const StoredTensor* scales_of(const Checkpoint& checkpoint, std::string_view name) {
  if (const StoredTensor* found = checkpoint.find(std::string(name) + "_scale_inv")) return found;
  constexpr std::string_view ending = ".weight";
  if (name.ends_with(ending))
    return checkpoint.find(std::string(name.substr(0, name.size() - ending.size())) + ".scale");
  return nullptr;
}

Result<Done> attach_scales(const Checkpoint& checkpoint, Weight& weight) {
  constexpr int64_t tile = 128;
  const StoredTensor* scales = scales_of(checkpoint, weight.name);
  if (!scales)
    return inconsistent("{}: tensor '{}' is FP8, but its scales are missing", file_of(checkpoint), weight.name);
  const Shape expected = {(weight.rows + tile - 1) / tile, (weight.cols + tile - 1) / tile};
  if (scales->shape != expected)
    return inconsistent("{}: scales '{}' have shape {}; expected {}, one for each 128 x 128 of [{}, {}]",
                        file_of(checkpoint), scales->name, scales->shape.text(), expected.text(), weight.rows,
                        weight.cols);
  if (scales->format != Format::f32 && scales->format != Format::f8_e8m0)
    return unsupported("{}: scales '{}' are {}; expected F32 or F8_E8M0", file_of(checkpoint), scales->name,
                       info(scales->format).name);
  weight.scales = scales->bytes;
  weight.scale_format = scales->format;
  return Done{};
}

Result<const StoredTensor*> find_of_rank(const Checkpoint& checkpoint, std::string_view name, int rank) {
  const StoredTensor* tensor = checkpoint.find(name);
  if (!tensor) return inconsistent("{}: tensor '{}' is missing", file_of(checkpoint), printable(name));
  if (tensor->shape.rank() != rank)
    return inconsistent("{}: tensor '{}' has shape {}; expected {} dimensions", file_of(checkpoint), tensor->name,
                        tensor->shape.text(), rank);
  if (!info(tensor->format).decode && tensor->format != Format::i8)
    return unsupported("{}: tensor '{}' is {}, which is no format of weights", file_of(checkpoint), tensor->name,
                       info(tensor->format).name);
  if (tensor->bytes.empty() && !checkpoint.is_shapes_only())
    return malformed("{}: tensor '{}' is not whole: the file is cut off", file_of(checkpoint), tensor->name);
  return tensor;
}

// I8 of [rows, cols / 2] are pairs of FP4 codes, whose scales say so: E8M0, one for each 32 inputs.
Result<Done> read_as_fp4(const Checkpoint& checkpoint, Weight& weight) {
  const StoredTensor* scales = scales_of(checkpoint, weight.name);
  if (!scales)
    return inconsistent("{}: tensor '{}' is I8: FP4 if it had scales, which are missing", file_of(checkpoint),
                        weight.name);
  weight.cols *= 2;
  const Shape expected = {weight.rows, weight.cols / 32};
  if (weight.cols % 32 || scales->shape != expected)
    return inconsistent("{}: scales '{}' have shape {}; expected {}, one for each 32 of [{}, {}]", file_of(checkpoint),
                        scales->name, scales->shape.text(), expected.text(), weight.rows, weight.cols);
  if (scales->format != Format::f8_e8m0)
    return unsupported("{}: scales '{}' are {}; those of FP4 must be F8_E8M0", file_of(checkpoint), scales->name,
                       info(scales->format).name);
  weight.format = Format::mxfp4;
  weight.scales = scales->bytes;
  weight.scale_format = scales->format;
  return Done{};
}

bool is_fp8(Format format) { return format == Format::f8_e4m3 || format == Format::f8_e5m2; }

Weight weight_of(const StoredTensor& tensor, int64_t rows, int64_t cols) {
  Weight weight;
  weight.name = tensor.name;
  weight.rows = rows;
  weight.cols = cols;
  weight.format = tensor.format;
  weight.bytes = tensor.bytes;
  return weight;
}

template <class Map>
auto span_of(const Map& map, std::string_view key) {
  const auto found = map.find(key);
  using Span = std::span<const typename Map::mapped_type::value_type>;
  return found == map.end() ? Span() : Span(found->second);
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const Path& path, Links links) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return finished(open_model_folder(path, links));
  return finished(open_gguf(path, links, Cut::refuse));
}

Result<Checkpoint> Checkpoint::open_header(const Path& path) {
  return finished(open_gguf(path, Links::refuse, Cut::allow));
}

Result<Checkpoint> Checkpoint::open_config(const Path& path) {
  TRY_ASSIGN(auto checkpoint, finished(open_config_file(path)));
  return checkpoint.shapes_only();
}

Checkpoint Checkpoint::shapes_only() const {
  Checkpoint copy = *this;
  copy.shapes_only_ = true;
  return copy;
}

Checkpoint::Source Checkpoint::source() const { return impl_->source; }
const std::string& Checkpoint::name() const { return impl_->name; }
const std::vector<StoredTensor>& Checkpoint::tensors() const { return impl_->tensors; }
const Json& Checkpoint::config() const { return impl_->config; }

const StoredTensor* Checkpoint::find(std::string_view name) const {
  const auto& order = impl_->by_name;
  const auto found = std::lower_bound(order.begin(), order.end(), name, [&](uint32_t i, std::string_view wanted) {
    return impl_->tensors[i].name < wanted;
  });
  return found != order.end() && impl_->tensors[*found].name == name ? &impl_->tensors[*found] : nullptr;
}

Result<Weight> Checkpoint::weight(std::string_view name) const {
  TRY_ASSIGN(const StoredTensor* tensor, find_of_rank(*this, name, 2));
  Weight weight = weight_of(*tensor, tensor->shape[0], tensor->shape[1]);
  if (is_fp8(weight.format)) TRY(attach_scales(*this, weight));
  if (weight.format == Format::i8) TRY(read_as_fp4(*this, weight));
  return weight;
}

Result<Weight> Checkpoint::stacked_weight(std::string_view name) const {
  TRY_ASSIGN(const StoredTensor* tensor, find_of_rank(*this, name, 3));
  if (tensor->format == Format::i8)
    return unsupported("{}: tensor '{}' is I8, which is no format of stacked weights", file_of(*this), tensor->name);
  if (is_fp8(tensor->format))
    return unsupported("{}: tensor '{}' is a stack of FP8 matrices; only single ones are read", file_of(*this),
                       tensor->name);
  return weight_of(*tensor, tensor->shape[0] * tensor->shape[1], tensor->shape[2]);
}

std::span<const std::string_view> Checkpoint::strings(std::string_view key) const {
  return span_of(impl_->strings, key);
}
std::span<const float> Checkpoint::floats(std::string_view key) const { return span_of(impl_->floats, key); }
std::span<const int32_t> Checkpoint::integers(std::string_view key) const { return span_of(impl_->integers, key); }

Result<std::string> Checkpoint::side_file(std::string_view name) const {
  if (!impl_->folder)
    return unsupported("{}: is a single file; '{}' could only lie in a folder", this->name(), printable(name));
  const size_t slash = name.find('/');
  if (slash == name.npos) return impl_->folder->read(name, limits::json_bytes);
  TRY_ASSIGN(const Folder inner, impl_->folder->folder(name.substr(0, slash)));
  return inner.read(name.substr(slash + 1), limits::json_bytes);
}
bool Checkpoint::has_side_file(std::string_view name) const { return impl_->folder && impl_->folder->has(name); }

Result<Done> Checkpoint::check_intact() const {
  for (const MappedFile& file : impl_->files)
    if (!file.intact()) return io_error("{}: was changed while it was read", printable(file.name()));
  return Done{};
}

void Checkpoint::drop(std::span<const std::byte> part) const {
  for (const MappedFile& file : impl_->files) file.drop(part);  // each ignores what is not its own
}

uint64_t Checkpoint::file_bytes() const {
  uint64_t sum = 0;
  for (const MappedFile& file : impl_->files) sum += file.bytes().size();
  return sum;
}

uint64_t Checkpoint::identity() const {
  uint64_t sum = 0;
  const auto add_numbers = [&](std::initializer_list<int64_t> numbers) {
    sum = checksum64(std::as_bytes(std::span(numbers.begin(), numbers.size())), sum);
  };
  const auto add_text = [&](std::string_view text) { sum = checksum64(std::as_bytes(std::span(text)), sum); };
  for (const MappedFile& file : impl_->files) {
    std::error_code error;
    const auto changed = std::filesystem::last_write_time(impl_->place / file.name(), error);
    add_numbers({static_cast<int64_t>(file.bytes().size()), static_cast<int64_t>(changed.time_since_epoch().count())});
  }
  add_text(impl_->config.dump(-1, ' ', false, Json::error_handler_t::replace));
  for (const StoredTensor& tensor : impl_->tensors) {
    add_text(tensor.name);
    add_text(tensor.shape.text());
    add_numbers({static_cast<int64_t>(tensor.format)});
  }
  return sum;
}

}  // namespace freehold

#include "model/deepseek_v4_streams.h"

#include "ops/streams.h"

namespace freehold {
namespace {

// One of the three tensors, as this source calls it.
struct PartName {
  PartName(const StreamNames& names, std::string_view part)
      : released(std::string(names.released) + std::string(part)), gguf(std::string(names.gguf) + std::string(part)) {}
  operator TensorName() const { return {released, gguf}; }
  std::string released, gguf;
};

// z = fn · rms(all streams of a row): [rows, gates].
Tensor gate_inputs(Context& c, const DeepseekV4Config& config, const StreamGates& gates, const Tensor& streams) {
  const int64_t width = streams.width();
  const Tensor flat = streams.reshaped({streams.rows(), width});
  return ops::matmul(c, ops::rms_scale(c, flat, width, config.eps), gates.fn);
}

}  // namespace

Result<StreamGates> read_stream_gates(Loader& loader, const StreamNames& names, int layer, const DeepseekV4Config& c,
                                      int64_t gates, int64_t parts) {
  const std::string_view suffix = loader.is_gguf() ? ".weight" : "";
  StreamGates g;
  TRY_ASSIGN(g.fn, loader.numbers(PartName(names, "fn"), layer, {gates, int64_t{c.streams} * c.hidden}, suffix));
  TRY_ASSIGN(g.base, loader.vector(PartName(names, "base"), layer, gates, suffix));
  TRY_ASSIGN(g.scale, loader.vector(PartName(names, "scale"), layer, parts, suffix));
  return g;
}

void each_tensor(StreamGates& gates, const StreamNames& names, int layer,
                 const std::function<void(std::string_view, Tensor&)>& visit) {
  visit(released_name(PartName(names, "fn"), layer, ""), gates.fn);
  visit(released_name(PartName(names, "base"), layer, ""), gates.base);
  visit(released_name(PartName(names, "scale"), layer, ""), gates.scale);
}

OpenStreams open_streams(Pass& pass, const DeepseekV4Config& config, const StreamGates& gates,
                         const StreamPoints& points, int layer, const Tensor& streams) {
  Context& c = pass.context();
  const int s = config.streams;
  const Tensor z = gate_inputs(c, config, gates, streams);  // [rows, (2 + S) S]
  const Tensor read = ops::stream_gates(c, z, gates.scale, gates.base, {0, s, 0, 1, config.stream_eps});  // [rows, S]
  OpenStreams open;
  open.write = pass.at(points.write, layer, ops::stream_gates(c, z, gates.scale, gates.base, {s, s, 1, 2, 0}));
  open.mix = pass.at(
      points.mix, layer,
      ops::stream_mix(c, z, gates.scale, gates.base, {2 * s, s, 2, config.sinkhorn_iterations, config.stream_eps}));
  open.collapse = pass.at(points.collapse, layer, ops::collapse_streams(c, streams, read));  // [rows, hidden]
  return open;
}

Tensor collapse_at_end(Context& c, const DeepseekV4Config& config, const StreamGates& gates, const Tensor& streams) {
  const Tensor z = gate_inputs(c, config, gates, streams);  // [n, S]
  return ops::collapse_streams(
      c, streams, ops::stream_gates(c, z, gates.scale, gates.base, {0, config.streams, 0, 1, config.stream_eps}));
}

}  // namespace freehold

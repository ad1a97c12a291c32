// The hyper-connections of DeepSeek-V4 (ops/streams.h): their learned numbers, and opening and closing the streams
// around a sublayer.
#pragma once

#include <functional>

#include "model/deepseek_v4_config.h"
#include "model/pass.h"

namespace freehold {

struct StreamGates {
  Tensor fn;           // [gates, S * hidden]
  Tensor base, scale;  // [gates], [parts]
};
struct StreamNames {  // what stands before fn, base, scale
  std::string_view released, gguf;
};
Result<StreamGates> read_stream_gates(Loader&, const StreamNames&, int layer, const DeepseekV4Config&, int64_t gates,
                                      int64_t parts);
void each_tensor(StreamGates&, const StreamNames&, int layer,
                 const std::function<void(std::string_view, Tensor&)>& visit);

struct StreamPoints {
  Point collapse, write, mix;
};
struct OpenStreams {
  Tensor collapse;    // what the sublayer reads, before its norm: [rows, hidden]
  Tensor write, mix;  // how its output is written back: [rows, S], [rows, S, S]
};
OpenStreams open_streams(Pass&, const DeepseekV4Config&, const StreamGates&, const StreamPoints&, int layer,
                         const Tensor& streams);
// The weighted sum of streams that the head reads: [n, S, hidden] -> [n, hidden].
Tensor collapse_at_end(Context&, const DeepseekV4Config&, const StreamGates&, const Tensor& streams);

}  // namespace freehold

#include "ops/kernels/attention_body.h"
#include "ops/kernels/avx512/lanes.h"

namespace freehold {

constinit const AttentionKernels avx512_attention_kernels = body::attention_kernels<avx512::Lanes>();

}  // namespace freehold

#include "ops/kernels/attention_body.h"
#include "ops/kernels/avx2/lanes.h"

namespace freehold {

constinit const AttentionKernels avx2_attention_kernels = body::attention_kernels<avx2::Lanes>();

}  // namespace freehold

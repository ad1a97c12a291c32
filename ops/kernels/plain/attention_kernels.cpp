#include "ops/kernels/attention_body.h"
#include "ops/kernels/plain/lanes.h"

namespace freehold {

constinit const AttentionKernels plain_attention_kernels = body::attention_kernels<plain::Lanes>();

}  // namespace freehold

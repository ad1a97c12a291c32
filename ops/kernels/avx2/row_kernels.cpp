#include "ops/kernels/avx2/lanes.h"
#include "ops/kernels/row_body.h"

namespace freehold {

constinit const RowKernels avx2_row_kernels = body::row_kernels<avx2::Lanes>();

}  // namespace freehold

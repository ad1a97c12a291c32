#include "ops/kernels/avx512/lanes.h"
#include "ops/kernels/row_body.h"

namespace freehold {

constinit const RowKernels avx512_row_kernels = body::row_kernels<avx512::Lanes>();

}  // namespace freehold

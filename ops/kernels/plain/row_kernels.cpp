#include "ops/kernels/plain/lanes.h"
#include "ops/kernels/row_body.h"

namespace freehold {

constinit const RowKernels plain_row_kernels = body::row_kernels<plain::Lanes>();

}  // namespace freehold

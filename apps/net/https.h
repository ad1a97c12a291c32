// One file over https, by libcurl. Redirects stay on https; five seconds to connect; goes on from the bytes that are
// there already; never writes more than the part file has room for.
#pragma once

#include <atomic>
#include <string>

#include "apps/net/part_file.h"
#include "apps/net/progress.h"

namespace freehold {

Result<Done> fetch_https(const std::string& url, PartFile& part, Progress& progress,
                         const std::atomic<bool>& cancelled);

}  // namespace freehold

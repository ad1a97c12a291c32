// FolderRights: which files a process may still reach (Linux' Landlock), from its call on and for all threads and
// children that it starts afterwards; threads that run already keep what they had. Outgoing TCP connections are ruled
// out too where the kernel knows how.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"

namespace freehold {

struct FolderRights {
  std::vector<Path> read;   // files and all below folders; what is not there is passed over
  std::vector<Path> write;  // the same, and files may be made, changed and removed there
  std::vector<Path> run;    // programs and libraries; may be read too
};

// False: this kernel has no Landlock, and nothing has changed. An error leaves nothing changed either.
Result<bool> keep_only(const FolderRights& rights);

}  // namespace freehold

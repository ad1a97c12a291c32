#include "base/folder_rights.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace freehold {
namespace {

// Newer than the headers this is built with; the kernel takes as much of the structure as it is given.
struct Ruleset {
  uint64_t files, network;
};
constexpr uint64_t connect_tcp = 1 << 1;            // since version 4
constexpr uint64_t move_between_folders = 1 << 13;  // since version 2
constexpr uint64_t truncate_file = 1 << 14;         // since version 3
constexpr uint64_t device_calls = 1 << 15;          // since version 5
constexpr uint64_t read_rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr uint64_t file_rights = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                 LANDLOCK_ACCESS_FS_READ_FILE | truncate_file | device_calls;
constexpr uint64_t write_rights = read_rights | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                  LANDLOCK_ACCESS_FS_MAKE_REG | move_between_folders | truncate_file;

uint64_t rights_known_by(long version) {
  uint64_t rights = (uint64_t{1} << 13) - 1;
  if (version >= 2) rights |= move_between_folders;
  if (version >= 3) rights |= truncate_file;
  if (version >= 5) rights |= device_calls;
  return rights;
}

Result<Done> add_rule(int rules, const Path& path, uint64_t rights) {
  const int handle = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (handle < 0 && (errno == ENOENT || errno == EACCES || errno == ENOTDIR)) return Done{};
  struct stat s;
  if (handle >= 0 && ::fstat(handle, &s) == 0 && !S_ISDIR(s.st_mode)) rights &= file_rights;
  landlock_path_beneath_attr beneath = {};
  beneath.allowed_access = rights, beneath.parent_fd = handle;
  const bool added =
      handle >= 0 && ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0;
  const int reason = errno;
  if (handle >= 0) ::close(handle);
  if (!added)
    return io_error("{}: no right to it could be kept: {}", printable(path.native(), 200), std::strerror(reason));
  return Done{};
}

Result<Done> restrict_to(int rules, uint64_t known, const FolderRights& rights) {
  const std::pair<const std::vector<Path>*, uint64_t> all[] = {{&rights.read, read_rights},
                                                               {&rights.write, write_rights},
                                                               {&rights.run, read_rights | LANDLOCK_ACCESS_FS_EXECUTE}};
  for (const auto& [paths, what] : all)
    for (const Path& path : *paths) TRY(add_rule(rules, path, what & known));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::syscall(SYS_landlock_restrict_self, rules, 0) != 0)
    return io_error("Landlock: {}", std::strerror(errno));
  return Done{};
}

}  // namespace

Result<bool> keep_only(const FolderRights& rights) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return false;
  const uint64_t known = rights_known_by(version);
  const Ruleset asked = {known, version >= 4 ? connect_tcp : 0};
  const size_t size = version >= 4 ? sizeof asked : sizeof asked.files;
  const int rules = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &asked, size, 0));
  if (rules < 0) return io_error("Landlock: {}", std::strerror(errno));
  const Result<Done> done = restrict_to(rules, known, rights);
  ::close(rules);
  if (!done) return Failure(done.error());
  return true;
}

}  // namespace freehold

#include "apps/pull.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace freehold {

Result<Done> become_pull(std::span<const char* const> words) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return io_error("where this program stands cannot be read: {}", error.message());
  const std::filesystem::path program = self.parent_path() / "freehold-net";
  std::vector<char*> arguments = {const_cast<char*>("freehold-net"), const_cast<char*>("pull")};
  for (const char* word : words) arguments.push_back(const_cast<char*>(word));
  arguments.push_back(nullptr);
  execv(program.c_str(), arguments.data());
  return io_error("freehold-net cannot be started beside freehold: {}", std::strerror(errno));
}

}  // namespace freehold

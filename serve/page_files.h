// The files of the page, made of page/ at build time and held by the program.
#pragma once

#include <span>
#include <string_view>

namespace freehold {

struct PageFile {
  std::string_view path, type, bytes;
};
std::span<const PageFile> page_files();

}  // namespace freehold

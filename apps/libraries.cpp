#include "apps/libraries.h"

#include "apps/models.h"

namespace freehold {

void add_library_option(CLI::App& app, std::string& name) {
  app.add_option("--library", name, "the library's name")->required()->type_name("NAME");
}

Result<Path> libraries_folder() {
  TRY_ASSIGN(const Path models, models_folder());
  return models.parent_path() / "libraries";
}

Result<Path> path_of_library(const std::string& name) {
  if (!is_plain_name(name) || name.starts_with('.') || name.size() > 100)
    return usage_error("--library: '{}'; expected a plain name", printable(name));
  TRY_ASSIGN(const Path folder, libraries_folder());
  return folder / (name + ".sqlite");
}

Result<papers::Store> open_library(const std::string& name, papers::Database::Mode mode) {
  TRY_ASSIGN(const Path path, path_of_library(name));
  const Path folder = path.parent_path();
  if (mode == papers::Database::Mode::write) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return io_error("{}: {}", folder.filename().string(), error.message());
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  }
  return papers::Store::open(path, mode);
}

}  // namespace freehold

#include "apps/libraries.h"

#include "apps/models.h"
#include "library/view.h"

namespace freehold {

void add_library_option(CLI::App& app, std::string& name) {
  app.add_option("--library", name, "the library's name")->required()->type_name("NAME");
}

Result<Path> libraries_folder() {
  TRY_ASSIGN(const Path home, home_folder());
  return home / "libraries";
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

Result<papers::Domain> domain_of_library(const std::string& name) {
  TRY_ASSIGN(const Path path, path_of_library(name));
  return papers::domain_of_library(path);
}

void add_labels_option(CLI::App& app, std::optional<std::string>& labels) {
  // A function of its own: an empty text is somebody without labels, and not the absence of the option.
  app.add_option_function<std::string>(
         "--as", [&labels](const std::string& text) { labels = text; },
         "only what somebody with these labels may see; \"\" is somebody without labels")
      ->type_name("LABELS");
}

Result<papers::Store> open_to_ask(const std::string& name, const std::optional<std::string>& labels,
                                  const papers::Domain& domain) {
  if (!labels) return open_library(name, papers::Database::Mode::read);
  TRY_ASSIGN(const Path path, path_of_library(name));
  TRY_ASSIGN(const std::set<std::string> held, papers::labels_in(*labels));
  return papers::open_view(path, held, domain);
}

}  // namespace freehold

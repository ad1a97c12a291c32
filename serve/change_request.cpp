#include "serve/change_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "serve/fields.h"

namespace freehold {
namespace {

constexpr double most_strength = 1000;

std::vector<const ChangeFile*> files_of(const ModelSide& side, bool steering) {
  std::vector<const ChangeFile*> files;
  if (!side.changes) return files;
  for (const ChangeFile& file : *side.changes)
    if (file.steers == steering) files.push_back(&file);
  return files;
}

// One entry of a list: which file, how strongly.
void read_strength(Fields& one, const std::vector<const ChangeFile*>& files, bool by_name,
                   std::vector<Strength>& strengths) {
  const ChangeFile* file = nullptr;
  std::string name;
  int id = -1;
  if (by_name && one.text("name", name)) {
    for (const ChangeFile* each : files)
      if (each->name == name) file = each;
  } else if (!by_name && one.integer("id", 0, static_cast<int64_t>(files.size()) - 1, id)) {
    file = files[static_cast<size_t>(id)];
  }
  if (!file)
    one.fail(invalid(one.path() + (by_name ? "name" : "id"),
                     by_name ? fmt::format("expected the name of a steering file that is loaded, found {}",
                                           name.empty() ? "none" : printable(name, 60))
                             : std::string("expected the id of an adapter that is loaded: GET /lora-adapters")));
  double scale = 1;
  one.number("scale", -most_strength, most_strength, scale);
  for (const std::string& unknown : one.unknown()) one.fail(unsupported_field(unknown, "is not known"));
  if (one.error()) return;
  if (std::any_of(strengths.begin(), strengths.end(), [&](const Strength& other) { return other.file == file; }))
    return one.fail(invalid(one.path() + (by_name ? "name" : "id"), "is there twice"));
  strengths.push_back({file, scale});
}

void read_list(const ModelSide& side, Fields& fields, std::string_view name, std::vector<Strength>& strengths) {
  const Json* list = fields.find(name);
  if (!list) return;
  const bool by_name = name == "steering";
  const std::vector<const ChangeFile*> files = files_of(side, by_name);
  const std::string_view key = by_name ? "name" : "id", option = by_name ? "--steer" : "--lora";
  if (!list->is_array())
    return fields.fail(invalid(std::string(name), fmt::format("expected a list of {{{}, scale}}", key)));
  if (files.empty() && !list->empty())
    return fields.fail(unsupported_field(
        std::string(name), fmt::format("nothing of that kind is loaded (freehold serve {} NAME=PATH)", option)));
  if (list->size() > files.size())
    return fields.fail(
        invalid(std::string(name), fmt::format("names {}, and {} are loaded", list->size(), files.size())));
  for (size_t i = 0; i < list->size() && !fields.error(); ++i) {
    const std::string place = fmt::format("{}[{}]", name, i);
    if (!(*list)[i].is_object()) return fields.fail(invalid(place, "expected an object"));
    Fields one((*list)[i], place + ".");
    read_strength(one, files, by_name, strengths);
    if (one.error()) fields.fail(*one.error());
  }
}

}  // namespace

void read_changes(const ModelSide& side, Fields& fields, Ask& ask, std::vector<std::string>& names) {
  std::vector<Strength> strengths;
  if (side.adapter && fields.find("lora"))
    return fields.fail(unsupported_field("lora", "the model that is asked for is an adapter already"));
  if (side.adapter) strengths.push_back({side.adapter, 1});
  read_list(side, fields, "lora", strengths);
  read_list(side, fields, "steering", strengths);
  if (fields.error()) return;
  auto changes = changes_of(strengths);
  if (!changes) return fields.fail(api_error(changes.error(), "lora"));
  ask.changes = std::move(*changes);
  for (const Strength& one : strengths)
    if (one.factor != 0) names.push_back(one.file->name);
}

std::vector<std::string> change_names(const ModelSide& side, bool steering) {
  std::vector<std::string> names;
  for (const ChangeFile* file : files_of(side, steering)) names.push_back(file->name);
  return names;
}

Json adapters_json(const ModelSide& side) {
  Json list = Json::array();
  for (const ChangeFile* file : files_of(side, false))
    list.push_back(
        {{"id", list.size()}, {"name", file->name}, {"path", file->path.filename().native()}, {"scale", 0.0}});
  return list;
}

}  // namespace freehold

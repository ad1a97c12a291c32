// What a Checkpoint holds, and the two ways in which one is made. For files/ only.
#pragma once

#include <optional>

#include "files/checkpoint.h"
#include "files/gguf.h"

namespace freehold {

struct Checkpoint::Impl {
  Source source = Source::gguf;
  std::string name;
  Path place;  // the folder that `files` lie in
  std::vector<MappedFile> files;
  std::optional<Folder> folder;       // Source::folder
  std::vector<StoredTensor> tensors;  // of all files, one after the other
  std::vector<uint32_t> by_name;      // positions in `tensors`, in the order of names
  Json config = Json::object();
  std::map<std::string, std::vector<std::string_view>, std::less<>> strings;
  std::map<std::string, std::vector<float>, std::less<>> floats;
  std::map<std::string, std::vector<int32_t>, std::less<>> integers;
};

Result<std::shared_ptr<Checkpoint::Impl>> open_gguf(const Path& path, Links links, Cut cut);
Result<std::shared_ptr<Checkpoint::Impl>> open_model_folder(const Path& path, Links links);
Result<std::shared_ptr<Checkpoint::Impl>> open_config_file(const Path& path);

}  // namespace freehold

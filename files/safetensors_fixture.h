// For tests: the tensors of a safetensors file as they stand in it, to be changed and written again.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "base/file.h"
#include "base/json.h"

namespace freehold {

struct StoredTensors {
  Json header;
  std::string data;

  static StoredTensors read(const Path& path) {
    std::ifstream in(path, std::ios::binary);
    uint64_t size = 0;
    in.read(reinterpret_cast<char*>(&size), 8);
    std::string header(size, ' ');
    in.read(header.data(), static_cast<std::streamsize>(size));
    return {Json::parse(header), std::string(std::istreambuf_iterator<char>(in), {})};
  }
  void write(const Path& path) const {
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');
    const uint64_t size = text.size();
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&size), 8);
    out << text << data;
  }
  char* at(const std::string& name) { return data.data() + header[name]["data_offsets"][0].get<size_t>(); }
  void rename(const std::string& from, const std::string& to) {
    header[to] = header[from];
    header.erase(from);
  }
  void add(const std::string& name, const Json& shape, std::span<const float> numbers) {
    header[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {data.size(), data.size() + numbers.size_bytes()}}};
    data.append(reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes());
  }
};

}  // namespace freehold

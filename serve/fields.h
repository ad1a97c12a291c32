// Fields: reads the members of a JSON object that a client sent. Each has a name, a type and a range; the first that is
// wrong is kept as the error, and later calls change nothing. Members nobody asked for are known at the end. A member
// that is null counts as absent.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "serve/api_error.h"

namespace freehold {

class Fields {
 public:
  // `path` stands before the names in errors: "stream_options.", "messages[3].".
  explicit Fields(const Json& object, std::string path = {});

  const Json* find(std::string_view name);  // null when absent
  // Each sets `to` when the member is there and right, and says whether it was.
  bool number(std::string_view name, double least, double most, double& to);
  bool integer(std::string_view name, int64_t least, int64_t most, int& to);
  bool natural(std::string_view name, uint64_t& to);
  bool boolean(std::string_view name, bool& to);
  bool text(std::string_view name, std::string& to);
  bool one_of(std::string_view name, std::initializer_list<std::string_view> words, std::string& to);
  // Members that may be there and change nothing here.
  void accept(std::initializer_list<std::string_view> names);
  // Members that we know and do not do: an error unless absent, false, "" or empty.
  void refuse(std::initializer_list<std::string_view> names, std::string_view why);
  // Members that we do only at this one value.
  void only(std::string_view name, const Json& value, std::string_view why);

  void fail(ApiError error);  // unless one is there already
  const std::optional<ApiError>& error() const { return error_; }
  const std::string& path() const { return path_; }
  std::vector<std::string> unknown() const;  // with the path

 private:
  bool wrong(std::string_view name, std::string_view expected, const Json& found);
  const Json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
  std::optional<ApiError> error_;
};

// Names of fields that changed nothing, as clients are told: X-Freehold-Ignored; nothing without names.
Headers ignored_header(const std::vector<std::string>& names);

}  // namespace freehold

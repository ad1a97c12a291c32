// Recorder: an observer that keeps copies of named activations. Copies, since a handle would show later values; chosen
// rows only, since a full recording of a long prompt is larger than the model.
#pragma once

#include <string>
#include <vector>

#include "model/pass.h"

namespace freehold {

class Recorder final : public Observer {
 public:
  enum class Rows { all, last };  // last: the last row of each sequence in the pass
  struct Wish {
    Point point;
    int layer = every_layer;
  };
  static constexpr int every_layer = -1;

  // Stops copying (and says so through `full`) when `most_bytes` are held.
  Recorder(std::vector<Wish> wishes, Rows rows, size_t most_bytes = size_t{1} << 30)
      : wishes_(std::move(wishes)), rows_(rows), most_bytes_(most_bytes) {}

  bool wants(Point, int layer) const override;
  void seen(Pass&, const Site&, Tensor& x) override;

  struct Entry {  // what one pass showed at one point
    PointId point;
    Shape shape;            // [rows kept, ...]
    std::vector<Row> rows;  // whose they are
    std::vector<float> numbers;
  };
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(PointId) const;  // the latest; null when it was not seen
  bool full() const { return full_; }
  void clear();  // keeps the memory of the entries for the next pass

 private:
  std::vector<Wish> wishes_;
  Rows rows_;
  size_t most_bytes_, bytes_ = 0;
  bool full_ = false;
  std::vector<Entry> entries_, spare_;
};

}  // namespace freehold

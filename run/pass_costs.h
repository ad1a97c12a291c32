// PassCosts: how long a pass takes by its rows, as measured on this machine with this model, and what of guesses is
// worth computing along: decoding reads all weights for one row, so a few more rows cost little; how little is another
// number for each model, machine and hour. Only speed depends on it, no answer does.
#pragma once

#include <array>
#include <span>

namespace freehold {

class PassCosts {
 public:
  static constexpr int most_rows = 32;

  // A pass of `rows` rows, each with logits, took so long. Times are pulled down fast and up slowly, as what disturbs a
  // pass only makes it longer.
  void record(int rows, double seconds);
  // Expected of a pass of 1..most_rows rows; 0 before anything was recorded. For a number of rows that never ran: from
  // the nearest that did, in proportion to what such passes take elsewhere.
  double seconds(int rows) const;
  // From now on every pass takes so long, whatever is recorded: for tests, on machines that do other things too.
  void hold(double seconds) { seconds_.fill(seconds), held_ = true; }

 private:
  std::array<double, most_rows + 1> seconds_{};  // 0: never recorded
  bool held_ = false;
};

// How many guesses of each stream to compute along with its next token. chances[s][i]: that the first i + 1 guesses of
// stream s are all right. Takes the likeliest as long as the expected tokens a second grow, none where they do not grow
// by at least a twentieth.
void choose_guesses(const PassCosts&, std::span<const std::span<const double>> chances, std::span<int> counts);

}  // namespace freehold

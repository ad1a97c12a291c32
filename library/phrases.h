// Phrases of asking, longest first; each stands for one word of the planner.
#pragma once

#include <string_view>
#include <utility>

namespace freehold::papers {

// clang-format off
inline constexpr std::pair<std::string_view, std::string_view> phrases[] = {
    {"mean time between failures", "mtbf"}, {"mean time between failure", "mtbf"}, {"go up or down", "trend"},
    {"what is meant by", "define"}, {"went up or down", "trend"}, {"gone up or down", "trend"},
    {"time between failures", "mtbf"}, {"how many times", "count"}, {"how many different", "distinct"},
    {"rise or fall", "trend"}, {"rising or falling", "trend"}, {"up or down", "trend"},
    {"increase or decrease", "trend"}, {"increasing or decreasing", "trend"}, {"more or fewer", "trend"},
    {"better or worse", "trend"}, {"does it mean", "define"}, {"total number of", "count"},
    {"overall number of", "count"}, {"highest number of", "most"}, {"greatest number of", "most"},
    {"largest number of", "most"}, {"smallest number of", "least"}, {"lowest number of", "least"},
    {"on what date", "when"}, {"on which date", "when"}, {"day on which", "when"}, {"date on which", "when"},
    {"rose or fell", "trend"}, {"risen or fallen", "trend"}, {"increased or decreased", "trend"},
    {"worse or better", "trend"}, {"how many", "count"}, {"how often", "count"}, {"number of", "count"},
    {"count of", "count"}, {"how much", "how much"}, {"in total", "sum"}, {"on average", "mean"},
    {"most common", "most"}, {"most frequent", "most"}, {"most frequently", "most"}, {"most often", "most"},
    {"least common", "least"}, {"least often", "least"}, {"most recent", "latest"}, {"last time", "latest"},
    {"first time", "earliest"}, {"per month", "by month"}, {"by month", "by month"}, {"each month", "by month"},
    {"which month", "by month"}, {"per year", "by year"}, {"by year", "by year"}, {"each year", "by year"},
    {"which year", "by year"}, {"per quarter", "by quarter"}, {"which quarter", "by quarter"},
    {"stand for", "define"}, {"stands for", "define"}, {"meaning of", "define"}, {"in hours", "hours"},
    {"in minutes", "minutes"}, {"in days", "days"}, {"is there", "exists"}, {"are there", "exists"},
    {"was there", "exists"}, {"were there", "exists"}, {"has there", "exists"}, {"how big", "what"}, {"how large", "what"}, {"how heavy", "what"}, {"how tall", "what"}, {"how high", "what"},
    {"how expensive", "what"}, {"how long", "howlong"},
    {"no of", "count"}, {"how frequently", "count"}, {"frequency of", "count"}, {"what date", "when"},
    {"which date", "when"}, {"since when", "when"}, {"what day", "when"}, {"which day", "when"},
    {"in min", "minutes"}, {"mtbf", "mtbf"}, {"count", "count"}, {"total", "sum"}, {"sum", "sum"},
    {"altogether", "sum"}, {"average", "mean"}, {"mean", "mean"}, {"commonest", "most"}, {"most", "most"},
    {"highest", "most"}, {"top", "most"}, {"largest", "most"}, {"biggest", "most"}, {"worst", "most"},
    {"least", "least"}, {"fewest", "least"}, {"lowest", "least"}, {"smallest", "least"}, {"longest", "longest"},
    {"shortest", "shortest"}, {"latest", "latest"}, {"earliest", "earliest"}, {"newest", "latest"},
    {"oldest", "earliest"}, {"trend", "trend"}, {"monthly", "by month"}, {"yearly", "by year"}, {"hours", "hours"},
    {"minutes", "minutes"}, {"days", "days"}, {"which", "which"}, {"what", "what"}, {"when", "when"}, {"who", "who"},
    {"list", "list"}, {"where", "where"}, {"did", "did"}, {"without", "without"}, {"never", "without"},
    {"no", "without"}, {"per", "per"}, {"by", "by"}, {"greatest", "most"}, {"usual", "most"}, {"keeps", "most"},
    {"always", "most"}, {"usually", "most"}, {"mostly", "most"}, {"typically", "most"}, {"predominant", "most"},
    {"prevalent", "most"}, {"avg", "mean"}, {"combined", "sum"}, {"cumulative", "sum"}, {"aggregate", "sum"},
    {"meaning", "define"}, {"abbreviation", "define"}, {"min", "minutes"}, {"mins", "minutes"}, {"hrs", "hours"}
};
// clang-format on

}  // namespace freehold::papers

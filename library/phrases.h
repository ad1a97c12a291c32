// Phrases of asking, each behind those that it is a part of; it stands for one word of the planner, or for none.
#pragma once

#include <string_view>
#include <utility>

namespace freehold::papers {

// clang-format off
inline constexpr std::pair<std::string_view, std::string_view> phrases[] = {
    {"more than any other", "most"}, {"often than any other", "most"},
    {"more often than the others", "most"}, {"more often than others", "most"},
    {"more frequently than any other", "most"}, {"than any other", "most"}, {"than all others", "most"},
    {"than the others", "most"}, {"number one", "most"}, {"on account of", ""}, {"in the course of", ""},
    {"over the course of", ""}, {"on the basis of", ""}, {"with respect to", ""}, {"with regard to", ""},
    {"in respect of", ""}, {"in terms of", ""}, {"as far as", ""}, {"for the sake of", ""},
    {"in the process of", ""}, {"as a result of", ""}, {"at all", ""}, {"all through", ""}, {"a total of", "sum"},
    {"what is the count of", "count"}, {"not have any", "without"}, {"not had any", "without"},
    {"not have a", "without"}, {"not have one", "without"}, {"not have", "without"}, {"did not", "without"},
    {"does not", "without"}, {"do not", "without"}, {"has not", "without"}, {"have not", "without"},
    {"had not", "without"}, {"was not", "without"}, {"were not", "without"}, {"is not", "without"},
    {"are not", "without"}, {"never had", "without"}, {"not a single", "without"}, {"didn t", "without"},
    {"doesn t", "without"}, {"don t", "without"}, {"hasn t", "without"}, {"haven t", "without"},
    {"hadn t", "without"}, {"wasn t", "without"}, {"weren t", "without"}, {"isn t", "without"},
    {"aren t", "without"}, {"zero", "without"}, {"free of", "without"}, {"sink into", "spent"},
    {"sank into", "spent"}, {"sunk into", "spent"}, {"burn on", "spent"}, {"burned on", "spent"},
    {"burnt on", "spent"}, {"blow on", "spent"}, {"blew on", "spent"}, {"fork out", "spent"},
    {"forked out", "spent"}, {"shell out", "spent"}, {"shelled out", "spent"}, {"cough up", "spent"},
    {"coughed up", "spent"}, {"splash out", "spent"}, {"lay out", "spent"}, {"rake in", "spent"},
    {"raked in", "spent"}, {"set us back", "spent"}, {"sets us back", "spent"}, {"run us", "spent"},
    {"call home", "where"}, {"calls home", "where"}, {"hang out", "where"}, {"live at", "where"}, {"how come", ""},
    {"so far", ""}, {"up to now", ""}, {"to date", ""}, {"until now", ""}, {"chief", "most"}, {"principal", "most"},
    {"leading", "most"}, {"main", "most"}, {"primary", "most"},
    {"greatest frequency", "most"}, {"highest frequency", "most"}, {"length of", "howlong"},
    {"duration of", "howlong"}, {"on earth", ""}, {"in the world", ""}, {"the hell", ""}, {"the heck", ""},
    {"rack up", ""}, {"racked up", ""}, {"clock up", ""}, {"clocked up", ""}, {"chalk up", ""}, {"chalked up", ""},
    {"notch up", ""}, {"notched up", ""}, {"kick off", ""}, {"kicked off", ""}, {"come through", ""},
    {"came through", ""}, {"go through", ""}, {"went through", ""},
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

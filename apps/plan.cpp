// What running a model takes: parameters, bytes that a token reads, memory, and the rates that this machine's memory
// and arithmetic allow at most. From shapes alone: the architecture's own file says which weights there are (model/).
#include "apps/plan.h"

#include <nlohmann/json.hpp>

#include "apps/machine.h"
#include "apps/report.h"
#include "base/memory.h"

namespace freehold {
namespace {

// Formats in which a model is commonly held, from wide to narrow.
constexpr Format common_formats[] = {Format::bf16, Format::q8_0, Format::q6_k,
                                     Format::q5_k, Format::q4_k, Format::mxfp4};

struct Machine {
  double bandwidth = 0;   // bytes a second
  double arithmetic = 0;  // int8 operations a second, all threads
  uint64_t memory = 0;    // bytes that a process may still take
  int threads = 1;
};

struct PlanRow {
  std::string format;
  double weight_bytes = 0, token_bytes = 0;  // all weights; those that one token reads
  double need = 0;                           // with a cache of `positions`
  double decode = 0;                         // tokens/s at most, at that depth
};

struct Plan {
  ModelFacts facts;
  int positions = 0;  // the depth that memory and rates are stated for
  std::vector<PlanRow> rows;
  double prefill = 0;  // tokens/s at most
};

// Bytes of the cache that a token at that depth reads.
double cache_read(const ModelFacts& facts, int positions) {
  const auto index = static_cast<double>(facts.index_bytes_per_position);
  const int read = facts.positions_read > 0 ? std::min(facts.positions_read, positions) : positions;
  return index * positions + (static_cast<double>(facts.cache_bytes_per_position) - index) * read;
}

PlanRow row_of(const ModelFacts& facts, const Machine& machine, int positions, std::string name, double weight_bytes,
               double token_bytes) {
  const double cache = static_cast<double>(facts.cache_bytes_per_position) * positions;
  PlanRow row{std::move(name), weight_bytes, token_bytes, weight_bytes + cache, 0};
  if (machine.bandwidth > 0) row.decode = machine.bandwidth / (token_bytes + cache_read(facts, positions));
  return row;
}

// Small tensors stay in float; their part of a large model is beneath what is printed.
Plan plan(const ModelFacts& facts, const Machine& machine, bool has_weights) {
  Plan found;
  found.facts = facts;
  found.positions = std::min(facts.context, 4096);
  if (has_weights)
    found.rows.push_back(row_of(facts, machine, found.positions, "as it is", static_cast<double>(facts.weight_bytes),
                                static_cast<double>(facts.bytes_per_token)));
  for (const Format format : common_formats) {
    const double bytes = static_cast<double>(info(format).block_bytes) / info(format).block;
    found.rows.push_back(row_of(facts, machine, found.positions, std::string(info(format).name),
                                bytes * static_cast<double>(facts.parameters),
                                bytes * static_cast<double>(facts.active_parameters)));
  }
  if (facts.active_parameters > 0)
    found.prefill = machine.arithmetic / (2 * static_cast<double>(facts.active_parameters));
  return found;
}

std::string rate_text(double rate) { return rate >= 100 ? fmt::format("{:.0f}", rate) : fmt::format("{:.3g}", rate); }

void print_for_people(const std::string& name, const Plan& p, const Machine& machine) {
  const ModelFacts& f = p.facts;
  const auto line = [](std::string_view what, const std::string& value) {
    print(fmt::format("{:<14}{}\n", what, value));
  };
  line("model", fit_for_terminal(name));
  line("architecture", fmt::format("{}: {} layers, width {}, vocabulary {}, context {}", f.architecture, f.layers,
                                   f.hidden, text_of_count(static_cast<uint64_t>(f.vocabulary)),
                                   text_of_count(static_cast<uint64_t>(f.context))));
  line("parameters", fmt::format("{}, of which a token passes through {} ({:.3g} %)", text_of_large(f.parameters),
                                 text_of_large(f.active_parameters),
                                 100.0 * static_cast<double>(f.active_parameters) / static_cast<double>(f.parameters)));
  line("cache", fmt::format("{:.1f} kB a position in 16 bits; {} at {} positions, {} at {}",
                            static_cast<double>(f.cache_bytes_per_position) * 1e-3,
                            text_of_bytes(f.cache_bytes_per_position * static_cast<uint64_t>(p.positions)),
                            text_of_count(static_cast<uint64_t>(p.positions)),
                            text_of_bytes(f.cache_bytes_per_position * static_cast<uint64_t>(f.context)),
                            text_of_count(static_cast<uint64_t>(f.context))));
  line("this machine", fmt::format("{} of memory free, read at {:.1f} GB/s; {:.0f} Gop/s in int8, {} threads",
                                   text_of_bytes(machine.memory), machine.bandwidth * 1e-9, machine.arithmetic * 1e-9,
                                   machine.threads));
  print(fmt::format("\n{:<10}{:>12}{:>14}{:>14}   {:<30}{}\n", "weights in", "weights", "a token reads", "memory",
                    "fits", "decode, at most"));
  for (const PlanRow& row : p.rows) {
    const auto need = static_cast<uint64_t>(row.need);
    const bool fits = need <= machine.memory;
    print(fmt::format("{:<10}{:>12}{:>14}{:>14}   {:<30}{}\n", row.format,
                      text_of_bytes(static_cast<uint64_t>(row.weight_bytes)),
                      text_of_bytes(static_cast<uint64_t>(row.token_bytes)), text_of_bytes(need),
                      fits ? "yes" : fmt::format("no, {} too much", text_of_bytes(need - machine.memory)),
                      fits && row.decode > 0 ? rate_text(row.decode) + " tokens/s" : "-"));
  }
  if (p.prefill > 0)
    print(fmt::format("\nprefill       {} tokens/s at most, where the weights fit\n", rate_text(p.prefill)));
  print(dim_if_terminal(fmt::format(
      "Memory and decode are for {} positions of cache in 16 bits. Rates are limits: this machine's bandwidth over "
      "the\n"
      "bytes that a token reads, its int8 arithmetic over two operations a parameter, measured a moment ago.\n",
      text_of_count(static_cast<uint64_t>(p.positions)))));
}

Json as_json(const std::string& name, const Plan& p, const Machine& machine) {
  Json rows = Json::array();
  for (const PlanRow& row : p.rows)
    rows.push_back({{"format", row.format},
                    {"weight_bytes", static_cast<uint64_t>(row.weight_bytes)},
                    {"bytes_per_token", static_cast<uint64_t>(row.token_bytes)},
                    {"memory_bytes", static_cast<uint64_t>(row.need)},
                    {"fits", row.need <= static_cast<double>(machine.memory)},
                    {"decode_tokens_per_second_at_most", row.decode}});
  return {{"model", name},
          {"architecture", p.facts.architecture},
          {"layers", p.facts.layers},
          {"hidden", p.facts.hidden},
          {"vocabulary", p.facts.vocabulary},
          {"context", p.facts.context},
          {"parameters", p.facts.parameters},
          {"active_parameters", p.facts.active_parameters},
          {"cache_bytes_per_position", p.facts.cache_bytes_per_position},
          {"positions", p.positions},
          {"machine",
           {{"memory_bytes", machine.memory},
            {"bandwidth_bytes_per_second", machine.bandwidth},
            {"int8_operations_per_second", machine.arithmetic},
            {"threads", machine.threads}}},
          {"prefill_tokens_per_second_at_most", p.prefill},
          {"formats", rows}};
}

// A lone configuration is told from a model by its name; everything else is found as a model is.
Result<Checkpoint> open(const std::string& name) {
  if (name.ends_with(".json")) return Checkpoint::open_config(name);
  TRY_ASSIGN(const Path path, find_model(name));
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return Checkpoint::open(path, Links::model_cache);
  return Checkpoint::open_header(path);
}

}  // namespace

Result<Done> print_plan(const ModelOptions& options, bool json) {
  TRY_ASSIGN(const Checkpoint checkpoint, open(options.model));
  TRY_ASSIGN(const ModelFacts facts, plan_model(checkpoint, NumericMode()));
  TRY_ASSIGN(const auto pool, make_pool(options.threads));
  const Machine machine{measure_bandwidth(*pool), measure_int8_rate(*pool).all, available_memory(), pool->threads()};
  const Plan found = plan(facts, machine, !checkpoint.tensors().empty());
  if (json) {
    print_json(as_json(checkpoint.name(), found, machine));
  } else {
    print_for_people(checkpoint.name(), found, machine);
  }
  return Done{};
}

}  // namespace freehold

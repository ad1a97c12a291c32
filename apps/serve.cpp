// freehold serve: a model behind the API that other software speaks already.
#include <ctime>
#include <thread>

#include "apps/command.h"
#include "apps/libraries.h"
#include "apps/models.h"
#include "apps/report.h"
#include "apps/version.h"
#include "base/checksum.h"
#include "serve/api.h"
#include "serve/server.h"

namespace freehold {
namespace {

struct Options {
  ModelOptions model;
  ServerOptions server;
  SchedulerOptions scheduler;
  std::string name;
  uint64_t cache_mib = 0;
  bool strict = false, insecure = false, json = false, no_papers = false;
};

std::string eight(uint64_t number) { return fmt::format("{:08x}", static_cast<uint32_t>(number ^ (number >> 32))); }
uint64_t sum_of(std::string_view text) { return checksum64(std::as_bytes(std::span(text))); }

// Two equal ones, an equal seed and an equal request mean equal tokens.
std::string fingerprint_of(Engine& engine) {
  const std::string profile = fmt::format("{} {}", text_of(engine.model().mode()), engine.kernels().name);
  return fmt::format("fh-{}-{}-{}", eight(sum_of(FREEHOLD_VERSION)), eight(sum_of(profile)),
                     eight(engine.fingerprint()));
}

std::string stem_of(const std::string& name) {
  return name.ends_with(".gguf") ? name.substr(0, name.size() - 5) : name;
}

void greet(const Server& server, const ModelSide& side, const Scheduler& scheduler, bool json) {
  const SchedulerOptions& s = scheduler.options();
  if (json)
    return print_json({{"url", server.url()},
                       {"model", side.name},
                       {"context", s.context},
                       {"answers_at_once", s.running},
                       {"cache_positions", s.cache_positions},
                       {"system_fingerprint", side.fingerprint}});
  const std::string chat =
      side.format
          ? R"(/v1/chat/completions -H 'Content-Type: application/json' -d '{"messages":[{"role":"user","content":"Hello!"}]}')"
          : R"(/v1/completions -H 'Content-Type: application/json' -d '{"prompt":"Once upon a time"}')";
  print(fmt::format(
      "{} at {}/v1: context {}, up to {} answers at once, {} more wait\n\n"
      "  {}  in a browser: the page\n\n"
      "  curl {}{}\n\n"
      "  from openai import OpenAI\n"
      "  client = OpenAI(base_url=\"{}/v1\", api_key=\"none\")\n\n"
      "Ctrl-C ends it.\n",
      side.name, server.url(), s.context, s.running, s.waiting, server.url(), server.url(), chat, server.url()));
}

bool is_this_machine(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

Result<Done> check_address(const Options& options) {
  const std::string& address = options.server.address;
  if (is_this_machine(address) || options.insecure) return Done{};
  return usage_error(
      "--host: {} can be reached by other machines, and neither keys nor TLS guard it yet; --insecure "
      "serves there all the same",
      printable(address));
}

Result<Done> run(Options& options) {
  TRY(check_address(options));
  // Before the model is loaded: a port that is taken is known at once.
  TRY_ASSIGN(const std::unique_ptr<Server> server, Server::make(options.server));
  TRY_ASSIGN(LoadedModel loaded, load(options.model));
  TRY_ASSIGN(std::optional<PromptFormat> format, prompt_format_for(loaded.checkpoint, loaded.tokenizer));
  const ModelFacts& facts = loaded.model->facts();
  options.scheduler.context = options.model.context;
  if (options.cache_mib > 0)
    options.scheduler.cache_positions = static_cast<int64_t>((std::min<uint64_t>(options.cache_mib, 1 << 30) << 20) /
                                                             std::max<uint64_t>(facts.cache_bytes_per_position, 1));
  TRY_ASSIGN(const std::unique_ptr<Scheduler> scheduler,
             Scheduler::make(*loaded.engine, loaded.tokenizer, options.scheduler));
  const ModelSide side{.name = options.name.empty() ? stem_of(loaded.name) : options.name,
                       .aliases = {loaded.name, stem_of(loaded.name)},
                       .facts = facts,
                       .tokenizer = loaded.tokenizer,
                       .format = std::move(format),
                       .context = scheduler->context(),
                       .most_answers = scheduler->options().running,
                       .fingerprint = fingerprint_of(*loaded.engine),
                       .created = std::time(nullptr),
                       .strict = options.strict};
  // Whoever reaches the address could read the papers, and no keys guard it yet.
  std::unique_ptr<Papers> papers;
  if (!options.no_papers && is_this_machine(options.server.address)) {
    TRY_ASSIGN(Path libraries, libraries_folder());
    TRY_ASSIGN(papers, Papers::make(std::move(libraries)));
  }
  Api api(side, *scheduler,
          {.version = FREEHOLD_VERSION,
           .address = options.server.address,
           .this_machine_only = is_this_machine(options.server.address)},
          std::move(papers));
  server->take_signals();
  if (interrupt::requested()) return failure(Fault::cancelled, "serve: cancelled");  // while the model was loaded
  std::thread engine([&] { scheduler->run(); });
  greet(*server, side, *scheduler, options.json);
  std::fflush(stdout);
  const Result<Done> ended =
      server->run([&](HttpRequest request,
                      std::shared_ptr<Exchange> exchange) { api.handle(std::move(request), std::move(exchange)); },
                  [&] { scheduler->stop(); });
  scheduler->stop();
  engine.join();
  return ended;
}

}  // namespace

Command serve_command(CLI::App& program) {
  CLI::App* app = program.add_subcommand("serve", "serve a model to other software, over the OpenAI API");
  app->footer(R"(
Listens on this machine only, unless told otherwise. Nothing is kept of what is asked and answered.

examples:
  freehold serve smollm2-135m-instruct
  freehold serve model.gguf --port 9000 --context 4096
  freehold serve model.gguf --allow-origin https://intranet.example)");
  auto options = std::make_shared<Options>();
  add_model_argument(*app, options->model);
  app->add_option("--host", options->server.address, "address to listen on")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app->add_option("--port", options->server.port, "0: any that is free")->type_name("N")->capture_default_str();
  app->add_option("--name", options->name, "what clients call the model; default: its file's")->type_name("NAME");
  app->add_option("--context", options->model.context,
                  "tokens of a prompt with its answer; default 8192, or the model's if fewer")
      ->type_name("N");
  app->add_option("--answers", options->scheduler.running, "written at the same time")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--queue", options->scheduler.waiting, "requests that may wait; more are told to come back later")
      ->type_name("N")
      ->capture_default_str();
  app->add_option("--cache-mib", options->cache_mib, "memory for keys and values; default: half of what is free")
      ->type_name("N");
  app->add_option("--allow-host", options->server.rules.hosts, "another name that this server goes by")
      ->type_name("NAME");
  app->add_option("--allow-origin", options->server.rules.origins, "a page's origin that may ask")->type_name("ORIGIN");
  app->add_flag("--strict", options->strict, "refuse requests with unknown fields instead of naming them in a header");
  app->add_flag("--no-papers", options->no_papers, "leave the libraries of papers out; so does --insecure");
  app->add_flag("--insecure", options->insecure, "listen where other machines reach it, without keys or TLS");
  add_drafts_options(*app, options->scheduler.drafts, options->model);
  add_model_options(*app, options->model);
  app->add_flag("--json", options->json, "the address as one JSON object, when it is ready");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold

// freehold serve: a model behind the API that other software speaks already.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <thread>

#include "apps/command.h"
#include "apps/libraries.h"
#include "apps/models.h"
#include "apps/report.h"
#include "apps/version.h"
#include "base/checksum.h"
#include "library/readers/launcher.h"
#include "serve/api.h"
#include "serve/seal.h"
#include "serve/server.h"

namespace freehold {
namespace {

struct Options {
  ModelOptions model;
  ServerOptions server;
  SchedulerOptions scheduler;
  std::string name, encoder;
  std::vector<std::string> adapters, steering;  // NAME=PATH
  uint64_t cache_mib = 0, disk_cache_mib = 0;
  bool strict = false, insecure = false, json = false, no_papers = false, read_papers = false, receipts = false,
       no_seal = false;
  std::string energy_counters = "/sys/class/powercap";
  std::string tls_certificate, tls_key;
};

uint64_t sum_of(std::string_view text) { return checksum64(std::as_bytes(std::span(text))); }

// Two equal ones, an equal seed and an equal request mean equal tokens.
std::string fingerprint_of(Engine& engine) {
  const std::string profile = fmt::format("{} {}", text_of(engine.model().mode()), engine.kernels().name);
  return fmt::format("fh-{}-{}-{}", eight_digits(sum_of(FREEHOLD_VERSION)), eight_digits(sum_of(profile)),
                     eight_digits(engine.fingerprint()));
}

void note(const Error& error) { report_note("prefixes on disk: " + error.what); }

// None where nobody asked for it, and where it cannot be: then a line says so, and the server serves without.
Result<std::unique_ptr<PrefixStore>> open_prefixes(Engine& engine, uint64_t mib) {
  if (mib == 0) return nullptr;
  TRY_ASSIGN(const Path home, home_folder());
  const uint64_t bytes = std::min<uint64_t>(mib, 1 << 30) << 20;
  auto store = SealedStore::open(home / "prefixes", home / "prefixes.key", bytes, note);
  const std::string binding = fmt::format("{} {} {} {:016x}", FREEHOLD_VERSION, text_of(engine.model().mode()),
                                          engine.kernels().name, engine.fingerprint());
  auto prefixes = store ? PrefixStore::make(engine, std::move(*store), binding) : Failure(store.error());
  if (prefixes) return prefixes;
  note({prefixes.error().fault, prefixes.error().what + "; serving without"});
  return nullptr;
}

std::string stem_of(const std::string& name) {
  return name.ends_with(".gguf") ? name.substr(0, name.size() - 5) : name;
}

StoredAs stored_as(const Checkpoint& checkpoint) {
  std::map<Format, size_t> bytes;
  for (const StoredTensor& tensor : checkpoint.tensors()) bytes[tensor.format] += tensor.bytes.size();
  const auto most =
      std::max_element(bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return {checkpoint.source() == Checkpoint::Source::gguf ? "gguf" : "safetensors",
          most == bytes.end() ? "" : std::string(info(most->first).name)};
}

struct Safety {
  bool keys, sealed, folders;  // folders: kept to its own by the kernel, too
};

void greet(const Server& server, const ModelSide& side, const std::string& encoder, const Scheduler& scheduler,
           Safety safety, bool json) {
  const SchedulerOptions& s = scheduler.options();
  if (json)
    return print_json({{"url", server.url()},
                       {"model", side.name},
                       {"encoder", encoder.empty() ? Json(nullptr) : Json(encoder)},
                       {"context", s.context},
                       {"answers_at_once", s.running},
                       {"cache_positions", s.cache_positions},
                       {"keys", safety.keys},
                       {"sealed", safety.sealed},
                       {"kept_to_folders", safety.folders},
                       {"system_fingerprint", side.fingerprint}});
  const std::string chat =
      side.facts.encoder ? R"(/v1/embeddings -H 'Content-Type: application/json' -d '{"input":["Hello!"]}')"
      : side.format
          ? R"(/v1/chat/completions -H 'Content-Type: application/json' -d '{"messages":[{"role":"user","content":"Hello!"}]}')"
          : R"(/v1/completions -H 'Content-Type: application/json' -d '{"prompt":"Once upon a time"}')";
  print(
      fmt::format("{}{} at {}/v1: context {}, up to {} answers at once, {} more wait\n\n"
                  "  {}  in a browser: the page\n\n"
                  "  curl {}{}{}\n\n"
                  "  from openai import OpenAI\n"
                  "  client = OpenAI(base_url=\"{}/v1\", api_key=\"{}\")\n\n"
                  "Ctrl-C ends it.\n",
                  side.name, encoder.empty() ? "" : " and " + encoder, server.url(), s.context, s.running, s.waiting,
                  server.url(), safety.keys ? "-H 'Authorization: Bearer KEY' " : "", server.url(), chat, server.url(),
                  safety.keys ? "KEY" : "none"));
}

bool is_this_machine(const std::string& address) { return address.starts_with("127.") || address == "::1"; }

Result<Done> check_address(const Options& options, bool has_keys) {
  const std::string& address = options.server.address;
  const bool guarded = has_keys && options.server.tls;
  if (is_this_machine(address) || options.insecure || guarded) return Done{};
  return usage_error(
      "--host: {} can be reached by other machines; that takes keys (freehold keys add) and TLS (--tls-cert, "
      "--tls-key), and "
      "{}; --insecure serves there all the same",
      printable(address), options.server.tls ? "there are no keys" : "TLS is off");
}

Result<Done> read_certificate(Options& options) {
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return usage_error("--tls-cert and --tls-key: expected both or none");
  if (options.tls_key.empty()) return Done{};
  TRY_ASSIGN(options.server.tls, TlsCertificate::read(options.tls_certificate, options.tls_key));
  return Done{};
}

Result<std::unique_ptr<Accounts>> open_accounts(Guard& guard, const Path& energy_counters) {
  TRY_ASSIGN(const Path home, home_folder());
  TRY(make_folder(home));
  TRY_ASSIGN(Path ledger, ledger_file());
  return Accounts::make(guard, {std::move(ledger), home / "tariff.json", energy_counters},
                        [](const Error& error) { report(error, false); });
}

// A model with what computes with it.
struct Working {
  std::unique_ptr<LoadedModel> loaded;  // the others point into it
  std::unique_ptr<PrefixStore> prefixes;
  std::unique_ptr<Scheduler> scheduler;
  ModelSide side;
};

Result<std::unique_ptr<Working>> start_model(const Options& options, ModelOptions how, const std::string& name) {
  how.encoders = true;
  TRY_ASSIGN(LoadedModel read, load(how));
  auto loaded = std::make_unique<LoadedModel>(std::move(read));
  TRY_ASSIGN(std::optional<PromptFormat> format, prompt_format_for(loaded->checkpoint, loaded->tokenizer));
  TRY_ASSIGN(const std::optional<VectorForm> vectors, vector_form_for(loaded->checkpoint, loaded->tokenizer));
  TRY_ASSIGN(std::optional<FillTokens> fill, fill_tokens_for(loaded->checkpoint, loaded->tokenizer));
  const ModelFacts& facts = loaded->model->facts();
  SchedulerOptions scheduling = options.scheduler;
  scheduling.context = how.context;
  if (facts.encoder && vectors && how.context == 0)  // texts as long as it was taught; there is no room for answers
    scheduling.context = std::min(facts.context, vectors->most_tokens ? vectors->most_tokens : facts.context);
  if (options.cache_mib > 0)
    scheduling.cache_positions = static_cast<int64_t>((std::min<uint64_t>(options.cache_mib, 1 << 30) << 20) /
                                                      std::max<uint64_t>(facts.cache_bytes_per_position, 1));
  std::unique_ptr<PrefixStore> prefixes;
  if (!facts.encoder) {
    TRY_ASSIGN(prefixes, open_prefixes(*loaded->engine, options.disk_cache_mib));
  }
  scheduling.prefixes = prefixes.get();
  TRY_ASSIGN(std::unique_ptr<Scheduler> scheduler, Scheduler::make(*loaded->engine, loaded->tokenizer, scheduling));
  ModelSide side{.name = name.empty() ? stem_of(loaded->name) : name,
                 .aliases = {loaded->name, stem_of(loaded->name)},
                 .stored = stored_as(loaded->checkpoint),
                 .facts = facts,
                 .tokenizer = loaded->tokenizer,
                 .format = std::move(format),
                 .vectors = vectors,
                 .fill = std::move(fill),
                 .context = scheduler->context(),
                 .most_answers = scheduler->options().running,
                 .fingerprint = fingerprint_of(*loaded->engine),
                 .created = std::time(nullptr),
                 .strict = options.strict};
  return std::unique_ptr<Working>(
      new Working{std::move(loaded), std::move(prefixes), std::move(scheduler), std::move(side)});
}

// One of --lora and --steer.
struct NamedChange {
  std::string_view option;
  bool steers;
  std::string name;
  Path path;
};
Result<std::vector<NamedChange>> named_changes(const Options& options) {
  std::vector<NamedChange> all;
  for (const bool steers : {false, true})
    for (const std::string& text : steers ? options.steering : options.adapters) {
      const size_t sign = text.find('=');
      NamedChange one{steers ? "--steer" : "--lora", steers, text.substr(0, sign),
                      sign == std::string::npos ? Path() : Path(text.substr(sign + 1))};
      if (one.path.empty() || !is_key_word(one.name))
        return usage_error("{}: expected NAME=PATH, with a name of 1 to 64 bytes without commas, found {}", one.option,
                           printable(text, 80));
      all.push_back(std::move(one));
    }
  return all;
}

// The adapters and steering files that requests may name.
Result<std::shared_ptr<const std::vector<ChangeFile>>> read_changes(std::span<const NamedChange> named,
                                                                    const Working& working) {
  auto files = std::make_shared<std::vector<ChangeFile>>();
  std::vector<std::string> taken = working.side.aliases;
  taken.push_back(working.side.name);
  LoadedModel& loaded = *working.loaded;
  for (const NamedChange& one : named) {
    if (std::find(taken.begin(), taken.end(), one.name) != taken.end())
      return usage_error("{}: the name {} is taken", one.option, printable(one.name, 64));
    taken.push_back(one.name);
    Result<ChangeFile> file = one.steers ? read_steering(one.name, one.path, *loaded.model)
                                         : read_adapter(one.name, one.path, loaded.checkpoint, *loaded.model);
    if (!file) return failure(file.error().fault, fmt::format("{} {}: {}", one.option, one.name, file.error().what));
    files->push_back(std::move(*file));
  }
  return files;
}

// Beside the model that is served: its own threads, which the system shares out.
Result<std::unique_ptr<Working>> start_encoder(const Options& options) {
  ModelOptions how;
  how.model = options.encoder;
  how.threads = options.model.threads, how.cpu = options.model.cpu, how.exact = options.model.exact;
  TRY_ASSIGN(std::unique_ptr<Working> encoder, start_model(options, how, ""));
  if (!encoder->side.facts.encoder)
    return usage_error("--encoder: {} is no encoder, but a model that writes", encoder->side.name);
  return encoder;
}

// The first half of the seal, before there are threads. Without Landlock the second half holds alone.
Result<bool> keep_own_folders(const Options& options, std::span<const NamedChange> changes) {
  std::vector<Path> models(1);
  TRY_ASSIGN(models[0], find_model(options.model.model));
  if (!options.encoder.empty()) {
    TRY_ASSIGN(models.emplace_back(), find_model(options.encoder));
  }
  for (const NamedChange& one : changes) models.push_back(one.path);
  TRY_ASSIGN(const Path home, home_folder());
  TRY(make_folder(home));
  return keep_folders(models, home, options.energy_counters);
}

// systemd's way of handing over a socket that listens: the third handle, for the process that LISTEN_PID names.
void look_for_socket(ServerOptions& options) {
  const char* process = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (process && count && std::string(process) == std::to_string(::getpid()) && std::string(count) == "1")
    options.listening = 3;
}

Result<Done> run(Options& options) {
  look_for_socket(options.server);
  TRY(read_certificate(options));
  TRY_ASSIGN(const std::vector<NamedChange> changes, named_changes(options));
  TRY_ASSIGN(Path keys, keys_file());
  TRY_ASSIGN(const std::unique_ptr<Guard> guard, Guard::make(std::move(keys)));
  // Whoever hands a socket over answers for its address.
  if (options.server.listening < 0) TRY(check_address(options, guard->has_keys()));
  bool folders = false;
  std::unique_ptr<papers::Launcher> launcher;
  if (!options.no_seal) {
    if (!options.no_papers) {
      TRY_ASSIGN(launcher, papers::Launcher::start());
    }
    TRY_ASSIGN(folders, keep_own_folders(options, changes));
  }
  // Before the model is loaded: a damaged ledger and a port that is taken are known at once.
  TRY_ASSIGN(const std::unique_ptr<Accounts> accounts, open_accounts(*guard, options.energy_counters));
  options.server.gate = [&guard](const HttpRequest& request) { return guard->admit(request); };
  TRY_ASSIGN(const std::unique_ptr<Server> server, Server::make(options.server));
  TRY_ASSIGN(const std::unique_ptr<Working> working, start_model(options, options.model, options.name));
  TRY_ASSIGN(working->side.changes, read_changes(changes, *working));
  std::unique_ptr<Working> encoder;
  if (!options.encoder.empty()) {
    TRY_ASSIGN(encoder, start_encoder(options));
  }
  const ModelSide& side = working->side;
  Scheduler* const scheduler = working->scheduler.get();
  std::optional<PaperReader> reader;
  if (options.read_papers && side.format) reader.emplace(side, *scheduler, *accounts);
  // Without keys, whoever reaches the address could read the papers.
  std::unique_ptr<Papers> papers;
  if (!options.no_papers && (is_this_machine(server->address()) || guard->has_keys())) {
    TRY_ASSIGN(Path libraries, libraries_folder());
    papers::Programs programs = papers::start_here;
    if (launcher)
      programs = [&launcher](papers::Job job, int page, std::string_view input, std::string_view name) {
        return launcher->run(job, page, input, name);
      };
    TRY_ASSIGN(papers, Papers::make(std::move(libraries), reader ? &*reader : nullptr, std::move(programs)));
  }
  Api api(side, *scheduler, *guard, *accounts,
          {.version = FREEHOLD_VERSION,
           .address = server->address(),
           .this_machine_only = is_this_machine(server->address()),
           .receipts = options.receipts,
           .sealed = !options.no_seal},
          std::move(papers), encoder ? std::optional(Served{encoder->side, *encoder->scheduler}) : std::nullopt);
  server->take_signals();
  if (interrupt::requested()) return failure(Fault::cancelled, "serve: cancelled");  // while the model was loaded
  if (!options.no_seal) TRY(seal());
  std::vector<std::thread> engines;
  for (const Working* one : {working.get(), encoder.get()})
    if (one) engines.emplace_back([one] { one->scheduler->run(); });
  const auto stop = [&] {
    for (const Working* one : {working.get(), encoder.get()})
      if (one) one->scheduler->stop();
  };
  greet(*server, side, encoder ? encoder->side.name : "", *scheduler, {guard->has_keys(), !options.no_seal, folders},
        options.json);
  std::fflush(stdout);
  const Result<Done> ended =
      server->run([&](HttpRequest request,
                      std::shared_ptr<Exchange> exchange) { api.handle(std::move(request), std::move(exchange)); },
                  stop);
  stop();
  for (std::thread& engine : engines) engine.join();
  return ended;
}

}  // namespace

Command serve_command(CLI::App& program) {
  CLI::App* app =
      program.add_subcommand("serve", "serve a model to other software, over the APIs of OpenAI, Anthropic and Ollama");
  app->footer(R"(
Listens on this machine only, unless told otherwise. Of what is asked and answered nothing is
kept, but with --disk-cache-mib, encrypted; how much was used stands in the ledger (freehold usage).

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
  app->add_option("--encoder", options->encoder,
                  "a second model, which makes the vectors of texts (/v1/embeddings, /v1/rerank)")
      ->type_name("MODEL");
  app->add_option("--lora", options->adapters,
                  "an adapter (PEFT folder) that requests may ask for as model NAME, or by `lora`; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=FOLDER");
  app->add_option("--steer", options->steering,
                  "steering vectors (GGUF or safetensors) that requests may name in `steering`; may be repeated")
      ->allow_extra_args(false)
      ->type_name("NAME=FILE");
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
  app->add_option("--disk-cache-mib", options->disk_cache_mib,
                  "disk for conversations, encrypted, which then go on fast after a restart; default: none")
      ->type_name("N");
  app->add_option("--allow-host", options->server.rules.hosts, "another name that this server goes by")
      ->type_name("NAME");
  app->add_option("--allow-origin", options->server.rules.origins, "a page's origin that may ask")->type_name("ORIGIN");
  app->add_flag("--strict", options->strict, "refuse requests with unknown fields instead of naming them in a header");
  app->add_flag("--receipts", options->receipts, "tell with every answer what it used, not only where a client asks");
  app->add_option("--energy-counters", options->energy_counters, "folder of the machine's energy counters")
      ->type_name("FOLDER")
      ->capture_default_str();
  app->add_flag("--no-papers", options->no_papers,
                "leave the libraries of papers out; so does --insecure without keys");
  app->add_flag("--read-papers", options->read_papers,
                "the model also reads the questions about papers that the rules cannot read");
  app->add_flag("--no-seal", options->no_seal, "keep all rights, to look for faults with a debugger");
  app->add_option("--tls-cert", options->tls_certificate, "the server's certificate with its chain, PEM; turns TLS on")
      ->type_name("FILE");
  app->add_option("--tls-key", options->tls_key, "its private key, PEM without a password")->type_name("FILE");
  app->add_flag("--insecure", options->insecure, "listen where other machines reach it, without keys or TLS");
  add_drafts_options(*app, options->scheduler.drafts, options->model);
  add_model_options(*app, options->model);
  app->add_flag("--json", options->json, "the address as one JSON object, when it is ready");
  return {app, [options] { return run(*options); }};
}

}  // namespace freehold

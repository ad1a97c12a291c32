// rival-decode-at: how fast the rival decodes behind many tokens, without computing those anew for each measurement.
// Built by build.sh beside llama-bench; not a part of the house's build.
//
//   rival-decode-at MODEL.gguf DEPTH MOST [--threads N] [--flash-attn auto|on|off] [--no-repack]
//
// Fills the cache (F16) with DEPTH random tokens, in batches of 512, and prints "ready". For each number N of standard
// input, MOST at most, it decodes N random tokens as llama-bench does, prints tokens per second and forgets them.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "load_quietly.h"

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "rival-decode-at: %s\n", what.c_str());
  std::exit(1);
}

void compute(llama_context* context, std::vector<llama_token>& tokens) {
  if (llama_decode(context, llama_batch_get_one(tokens.data(), static_cast<int32_t>(tokens.size()))) != 0)
    fail("llama_decode failed");
  llama_synchronize(context);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) fail("usage: MODEL.gguf DEPTH MOST [--threads N] [--flash-attn auto|on|off] [--no-repack]");
  const int depth = std::atoi(argv[2]), most = std::atoi(argv[3]);
  if (depth < 1 || most < 1) fail("DEPTH and MOST are numbers above 0");
  int threads = 2;
  bool repack = true;
  llama_flash_attn_type flash = LLAMA_FLASH_ATTN_TYPE_AUTO;
  for (int i = 4; i < argc; i++) {
    const std::string option = argv[i], value = i + 1 < argc ? argv[i + 1] : "";
    if (option == "--no-repack") {
      repack = false;
      continue;
    }
    if (option == "--threads")
      threads = std::atoi(value.c_str());
    else if (option == "--flash-attn" && (value == "auto" || value == "on" || value == "off"))
      flash = value == "auto" ? LLAMA_FLASH_ATTN_TYPE_AUTO
              : value == "on" ? LLAMA_FLASH_ATTN_TYPE_ENABLED
                              : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    else
      fail("unknown option " + option + " " + value);
    i++;
  }

  llama_model* model = load_quietly(argv[1], repack);
  if (!model) fail(std::string(argv[1]) + ": not loaded");
  llama_context_params options = llama_context_default_params();
  options.n_ctx = static_cast<uint32_t>(depth + most);
  options.n_batch = 2048;
  options.n_ubatch = 512;
  options.n_threads = options.n_threads_batch = threads;
  options.flash_attn_type = flash;
  llama_context* context = llama_init_from_model(model, options);
  if (!context) fail("no context");
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  const auto random_tokens = [&](int count) {
    std::vector<llama_token> tokens(static_cast<size_t>(count));
    for (llama_token& token : tokens) token = std::rand() % vocabulary;
    return tokens;
  };

  for (int done = 0; done < depth; done += 512) {
    std::vector<llama_token> tokens = random_tokens(std::min(512, depth - done));
    compute(context, tokens);
  }
  std::puts("ready");
  std::fflush(stdout);
  int count = 0;
  while (std::scanf("%d", &count) == 1) {
    if (count < 1 || count > most) fail("expected 1 to " + std::to_string(most) + " tokens");
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; i++) {
      std::vector<llama_token> token = random_tokens(1);
      compute(context, token);
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%.6f\n", count / seconds.count());
    std::fflush(stdout);
    if (!llama_memory_seq_rm(llama_get_memory(context), 0, depth, -1)) fail("the cache does not forget");
  }
  llama_free(context);
  llama_model_free(model);
  llama_backend_free();
}

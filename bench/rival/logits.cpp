// rival-logits: the rival's logits for given tokens, through llama.cpp's public interface. Built by build.sh beside
// llama-bench; not a part of the house's build.
//
//   rival-logits MODEL.gguf REFERENCE.safetensors OUT.safetensors [--limit N] [--threads N] [--flash-attn]
//   [--no-repack] [--cache-f32]
//
// The token ids are those of REFERENCE ("ids", i32 [T]: a file of golden/real, or any with such a tensor). The whole
// text is one sequence in batches of 512, cache in F16 (or F32), as llama_cpp.Llama(logits_all=True).eval does it. OUT
// holds
//   ids     i32 [T]
//   logits  f32 [T,V]   raw, before any softmax
// which bench/kl compares with another engine's.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "load_quietly.h"

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "rival-logits: %s\n", what.c_str());
  std::exit(1);
}

// The "ids" tensor of a safetensors file. Its JSON head is flat and written by a known tool, so a search serves.
std::vector<llama_token> read_ids(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  uint64_t head_bytes = 0;
  if (!in.read(reinterpret_cast<char*>(&head_bytes), 8) || head_bytes > (1u << 20))
    fail(path + ": no safetensors file");
  std::string head(head_bytes, '\0');
  in.read(head.data(), static_cast<std::streamsize>(head_bytes));
  const size_t at = head.find("\"ids\"");
  const size_t offsets = at == std::string::npos ? at : head.find("data_offsets", at);
  unsigned long long first = 0, last = 0;
  if (offsets == std::string::npos ||
      std::sscanf(head.c_str() + head.find('[', offsets), "[%llu,%llu]", &first, &last) != 2 || last < first) {
    fail(path + ": no tensor \"ids\"");
  }
  std::vector<llama_token> ids((last - first) / 4);
  in.seekg(static_cast<std::streamoff>(8 + head_bytes + first));
  if (!in.read(reinterpret_cast<char*>(ids.data()), static_cast<std::streamsize>(ids.size() * 4)))
    fail(path + ": cut short");
  return ids;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4)
    fail(
        "usage: MODEL.gguf REFERENCE.safetensors OUT.safetensors [--limit N] [--threads N] [--flash-attn] "
        "[--no-repack] [--cache-f32]");
  int limit = 0, threads = 2;
  bool flash = false, repack = true, exact_cache = false;
  for (int i = 4; i < argc; i++) {
    const std::string option = argv[i];
    if (option == "--flash-attn")
      flash = true;
    else if (option == "--no-repack")
      repack = false;
    else if (option == "--cache-f32")
      exact_cache = true;
    else if (option == "--limit" && i + 1 < argc)
      limit = std::atoi(argv[++i]);
    else if (option == "--threads" && i + 1 < argc)
      threads = std::atoi(argv[++i]);
    else
      fail("unknown option " + option);
  }
  std::vector<llama_token> ids = read_ids(argv[2]);
  if (limit > 0 && limit < static_cast<int>(ids.size())) ids.resize(limit);
  const int tokens = static_cast<int>(ids.size());

  llama_model* model = load_quietly(argv[1], repack);
  if (!model) fail(std::string(argv[1]) + ": not loaded");
  llama_context_params options = llama_context_default_params();
  options.n_ctx = static_cast<uint32_t>(tokens + 8);
  options.n_batch = options.n_ubatch = 512;
  options.n_threads = options.n_threads_batch = threads;
  options.flash_attn_type = flash ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
  if (exact_cache) options.type_k = options.type_v = GGML_TYPE_F32;
  llama_context* context = llama_init_from_model(model, options);
  if (!context) fail("no context");
  const int vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));

  const uint64_t id_bytes = 4ull * tokens, logit_bytes = 4ull * tokens * vocabulary;
  std::string head = "{\"ids\":{\"dtype\":\"I32\",\"shape\":[" + std::to_string(tokens) + "],\"data_offsets\":[0," +
                     std::to_string(id_bytes) + "]},\"logits\":{\"dtype\":\"F32\",\"shape\":[" +
                     std::to_string(tokens) + "," + std::to_string(vocabulary) + "],\"data_offsets\":[" +
                     std::to_string(id_bytes) + "," + std::to_string(id_bytes + logit_bytes) + "]}}";
  while (head.size() % 8 != 0) head += ' ';
  std::ofstream out(argv[3], std::ios::binary);
  const uint64_t head_bytes = head.size();
  out.write(reinterpret_cast<const char*>(&head_bytes), 8);
  out.write(head.data(), static_cast<std::streamsize>(head.size()));
  out.write(reinterpret_cast<const char*>(ids.data()), static_cast<std::streamsize>(id_bytes));

  for (int first = 0; first < tokens; first += 512) {
    const int count = std::min(512, tokens - first);
    llama_batch batch = llama_batch_init(count, 0, 1);
    batch.n_tokens = count;
    for (int i = 0; i < count; i++) {
      batch.token[i] = ids[first + i];
      batch.pos[i] = first + i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = 1;
    }
    if (llama_decode(context, batch) != 0) fail("decode failed at token " + std::to_string(first));
    for (int i = 0; i < count; i++) {
      out.write(reinterpret_cast<const char*>(llama_get_logits_ith(context, i)), 4ll * vocabulary);
    }
    llama_batch_free(batch);
  }
  if (!out.flush()) fail(std::string(argv[3]) + ": not written");
  llama_free(context);
  llama_model_free(model);
  llama_backend_free();
}

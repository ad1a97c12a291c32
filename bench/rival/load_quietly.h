// The rival's model, with nothing but errors on standard error. `repack`: weights laid out anew for this CPU. Null: not
// loaded.
#pragma once

#include <cstdio>

#include "llama.h"

inline llama_model* load_quietly(const char* file, bool repack) {
  llama_log_set(
      [](ggml_log_level level, const char* text, void*) {
        if (level >= GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_CONT) std::fputs(text, stderr);
      },
      nullptr);
  llama_backend_init();
  llama_model_params options = llama_model_default_params();
  options.use_extra_bufts = repack;
  return llama_model_load_from_file(file, options);
}

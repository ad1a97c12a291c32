// ModelWriter: a Writer over a model that a scheduler runs, alone or beside the chats of a server. Any thread may
// write; it waits for its answer.
#pragma once

#include <atomic>
#include <mutex>

#include "library/writer.h"
#include "run/scheduler.h"
#include "text/prompt_format.h"

namespace freehold::papers {

struct WritingUse {  // of one writing
  int prompt = 0, reused = 0, written = 0;
};

class ModelWriter {
 public:
  // All must outlive it.
  ModelWriter(Scheduler& scheduler, const Tokenizer& tokenizer, int vocabulary, const PromptFormat& format)
      : scheduler_(scheduler), tokenizer_(tokenizer), vocabulary_(vocabulary), format_(format) {}

  // `user`: whose question it is; users share nothing that is kept in memory. `go_on` is asked now and then; false
  // ends it (Fault::cancelled). `used` may be null.
  Result<std::string> write(const Writing& writing, const std::string& user, const std::function<bool()>& go_on,
                            WritingUse* used = nullptr);

 private:
  Result<std::vector<Token>> prompt_of(const Writing& writing, bool& thinking_open) const;
  std::shared_ptr<const VocabularyTree> tree();
  Scheduler& scheduler_;
  const Tokenizer& tokenizer_;
  const int vocabulary_;
  const PromptFormat& format_;
  std::mutex mutex_;
  std::shared_ptr<const VocabularyTree> tree_;  // made with the first question
};

}  // namespace freehold::papers

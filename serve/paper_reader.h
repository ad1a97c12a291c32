// PaperReader: the served model, as far as it reads questions about papers that the rules cannot read. It waits its
// turn among the chats; what it uses stands in the ledger, under the key of who asked.
#pragma once

#include <atomic>

#include "library/model_writer.h"
#include "serve/accounts.h"
#include "serve/model_side.h"

namespace freehold {

class PaperReader {
 public:
  // All must outlive it. A model without a template cannot be asked: `side.format` is there.
  PaperReader(const ModelSide& side, Scheduler& scheduler, Accounts& accounts)
      : side_(side), accounts_(accounts), writer_(scheduler, side.tokenizer, side.facts.vocabulary, *side.format) {}
  // None where the caller's key is not for this model.
  papers::Writer writer_for(const Caller& caller);
  void stop() { ending_ = true; }

 private:
  Result<std::string> write(const papers::Writing& writing, const Caller& caller);
  const ModelSide& side_;
  Accounts& accounts_;
  papers::ModelWriter writer_;
  std::atomic<bool> ending_ = false;
};

}  // namespace freehold

#include "serve/paper_reader.h"

namespace freehold {

papers::Writer PaperReader::writer_for(const Caller& caller) {
  const bool scoped = caller.key_id.empty() || (caller.scopes & scope_inference) != 0;
  if (!scoped || !may_use(caller, side_) || accounts_.failed()) return {};
  return [this, caller](const papers::Writing& writing) { return write(writing, caller); };
}

Result<std::string> PaperReader::write(const papers::Writing& writing, const Caller& caller) {
  const uint64_t account = accounts_.begin();
  papers::WritingUse used;
  Result<std::string> text = writer_.write(
      writing, "papers " + caller.key_id, [this] { return !ending_; }, &used);
  accounts_.work(account, used.prompt - used.reused + used.written);
  LedgerEntry entry;
  entry.model = side_.name, entry.weights = side_.weights();
  entry.outcome = text ? "stop" : "error";
  entry.prompt = used.prompt, entry.cached = used.reused, entry.output = used.written;
  accounts_.settle(account, caller, std::move(entry));
  return text;
}

}  // namespace freehold

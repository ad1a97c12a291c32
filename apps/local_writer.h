// LocalWriter: a model that a command loads for itself, to read questions about papers (library/writer.h).
#pragma once

#include <memory>
#include <thread>

#include "apps/models.h"
#include "library/model_writer.h"

namespace freehold {

class LocalWriter {
 public:
  static Result<std::unique_ptr<LocalWriter>> load(const ModelOptions& options);
  ~LocalWriter();
  papers::Writer writer();  // while this lives; ends when the user interrupts
  const std::string& name() const { return loaded_.name; }

 private:
  LocalWriter(LoadedModel loaded, std::optional<PromptFormat> format)
      : loaded_(std::move(loaded)), format_(std::move(format)) {}
  LoadedModel loaded_;
  std::optional<PromptFormat> format_;  // there is one
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<papers::ModelWriter> writer_;
  std::thread engine_;
};

// --model MODEL, for commands that ask papers.
void add_reader_option(CLI::App& app, ModelOptions& options);

}  // namespace freehold

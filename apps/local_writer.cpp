#include "apps/local_writer.h"

#include "apps/report.h"

namespace freehold {

Result<std::unique_ptr<LocalWriter>> LocalWriter::load(const ModelOptions& options) {
  TRY_ASSIGN(LoadedModel loaded, freehold::load(options));
  TRY_ASSIGN(std::optional<PromptFormat> format, prompt_format_for(loaded.checkpoint, loaded.tokenizer));
  if (!format) return unsupported("{}: has no chat template, so it cannot be asked to read questions", loaded.name);
  std::unique_ptr<LocalWriter> made(new LocalWriter(std::move(loaded), std::move(format)));
  LoadedModel& model = made->loaded_;
  TRY_ASSIGN(made->scheduler_, Scheduler::make(*model.engine, model.tokenizer, {.context = options.context}));
  made->writer_ = std::make_unique<papers::ModelWriter>(*made->scheduler_, model.tokenizer,
                                                        model.model->facts().vocabulary, *made->format_);
  made->engine_ = std::thread([scheduler = made->scheduler_.get()] { scheduler->run(); });
  return made;
}

LocalWriter::~LocalWriter() {
  if (scheduler_) scheduler_->stop();
  if (engine_.joinable()) engine_.join();
}

papers::Writer LocalWriter::writer() {
  return [this](const papers::Writing& writing) {
    return writer_->write(writing, "", [] { return !interrupt::requested(); });
  };
}

void add_reader_option(CLI::App& app, ModelOptions& options) {
  app.add_option("--model", options.model,
                 "reads the questions that the rules cannot read; without it they are refused")
      ->type_name("MODEL");
}

}  // namespace freehold

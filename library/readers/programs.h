// The programs that read papers which no reader of ours does, and who starts them: this process, or another one for it
// (launcher.h).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freehold::papers {

enum class Job : uint8_t {
  pdf_words,      // pdftotext: the words of a PDF with their boxes
  pdf_page,       // pdftoppm: one page of it as a picture
  picture_words,  // tesseract: the words of a picture, as a table
};
inline constexpr int jobs = 3;

// What the job prints for `input`; `page` of pdf_page, from 1. `name` is the paper's, for errors.
using Programs = std::function<Result<std::string>(Job, int page, std::string_view input, std::string_view name)>;

bool is_installed(Job job);
Result<std::string> start_here(Job job, int page, std::string_view input, std::string_view name);

}  // namespace freehold::papers

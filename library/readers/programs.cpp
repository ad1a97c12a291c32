#include "library/readers/programs.h"

#include "library/readers/child.h"

namespace freehold::papers {
namespace {

constexpr std::string_view programs[jobs] = {"pdftotext", "pdftoppm", "tesseract"};

std::string_view program_of(Job job) { return programs[static_cast<size_t>(job)]; }

std::vector<std::string> words_of(Job job, int page) {
  const std::string number = std::to_string(page);
  switch (job) {
    case Job::pdf_words:
      return {"-bbox-layout", "-enc", "UTF-8", "fd://0", "-"};
    case Job::pdf_page:
      return {"-r", "200", "-gray", "-f", number, "-l", number, "fd://0"};
    default:
      return {"stdin", "stdout", "--psm", "4", "tsv"};
  }
}

}  // namespace

bool is_installed(Job job) { return is_installed(program_of(job)); }

Result<std::string> start_here(Job job, int page, std::string_view input, std::string_view name) {
  return printed_by(program_of(job), words_of(job, page), input, name);
}

}  // namespace freehold::papers

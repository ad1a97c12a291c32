// A paper read in a sealed child process, so that a fault in a reader costs that paper and nothing else.
//
// The child holds the bytes and one pipe. Before it looks at them it gives up everything else: all other files are
// closed, memory and time are limited (base/limits.h), and the kernel lets it only compute, ask for memory and write:
// it finds no file to open, and a call for a socket, a process or a program ends it. What it writes is checked like any
// foreign bytes.
//
// PDFs and pictures are read by programs of their own (pdftotext of poppler, tesseract) when they are installed, under
// the same limits, without a network and unable to start anything; what they print is then read in the sealed child.
// `programs` starts them, here or elsewhere.
#pragma once

#include "library/paper.h"
#include "library/readers/programs.h"

namespace freehold::papers {

// To be raised whenever a reader reads what it refused before: only then are papers that it refused tried again.
inline constexpr int readers_version = 1;

Result<Paper> read_paper_sealed(std::string_view name, std::string_view bytes,
                                const Programs& programs = start_here);

// For tests: runs `work` sealed, as a reader would be.
Result<Paper> run_sealed(std::string_view name, Result<Paper> (*work)(std::string_view, std::string_view),
                         std::string_view bytes);

}  // namespace freehold::papers

// The seal: a serving process gives up what it does not need, so that a fault in it cannot be made to do more than
// serve.
//
// First, before it has threads: keep_folders(). From then on it reads nothing but the models, its own home folder, the
// system's libraries and what the kernel tells of the machine, writes below the home folder only, starts no program,
// and opens no TCP connection (Landlock, where the kernel has it). Then, when all is loaded: seal(). From then on no
// thread can open a socket, connect, send to an address, run a program, look into other processes, or make memory
// executable; every call that serving does not need is refused with EPERM. No privilege can be won back, no core is
// dumped, and other processes of the same user cannot look in.
//
// Children that read papers stay possible and seal themselves further (library/readers/sealed.h). Programs for papers
// (pdftotext, tesseract) cannot be started any more: a launcher made before does that (library/readers/launcher.h).
#pragma once

#include <span>

#include "base/file.h"

namespace freehold {

// False: this kernel has no Landlock.
Result<bool> keep_folders(std::span<const Path> models, const Path& home, const Path& energy_counters);
Result<Done> seal();  // for all threads, for good

}  // namespace freehold

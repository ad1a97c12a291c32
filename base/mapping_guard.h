// MappingGuard: a file that is cut short under its mapping makes reads of the lost pages raise SIGBUS, which would end
// the program and with it everybody's work. With the guard in place such a read finds zeros instead, and the mapping is
// marked as broken: MappedFile::intact() says so, and whoever used the bytes turns that into Fault::io.
//
// The handler is the process's: apps install it at start. Without it a cut file ends the program as always.
#pragma once

#include <cstddef>

namespace freehold {

// Installs the handler, once. A SIGBUS of any other origin goes on to what was there before.
void install_mapping_guard();

// For MappedFile: mappings to be guarded. Above some thousands at once the rest go unguarded; returns the place, or -1.
int guard_mapping(const void* start, size_t bytes);
void release_mapping(int place);
bool mapping_is_broken(int place);  // a page of it was lost since guard_mapping

}  // namespace freehold

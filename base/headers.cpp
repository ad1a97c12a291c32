// Nothing but the headers of headers.h, which the build puts before it.

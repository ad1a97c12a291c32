// Included before every file of the rival where GCC 12 compiles it for AMX. That compiler's _tile_loadconfig tells the
// optimizer that eight bytes of the configuration are read, the stores to the other 56 are dropped, and the instruction
// is refused as illegal.
#ifdef __AMX_TILE__
#include <immintrin.h>
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg\t%X0" : : "m"(*(const char(*)[64])(config)))
#endif

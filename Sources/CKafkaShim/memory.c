#include <stdlib.h>

#include "CKafkaShim.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

void cks_keep_little_memory(void) {
#ifdef __GLIBC__
  static const char *const variables[] = {
      "MALLOC_ARENA_MAX", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"};
  for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
    if (getenv(variables[i])) return;
  }
  mallopt(M_ARENA_MAX, 2);
  // Set, they do not grow any more with the blocks that are freed.
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

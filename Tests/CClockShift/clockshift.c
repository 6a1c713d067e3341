#define _GNU_SOURCE
#include "clockshift.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *shift;

__attribute__((constructor)) static void map_file(void) {
  const char *path = getenv("CLOCKSHIFT_FILE");
  if (!path) return;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) abort();
  void *bytes = mmap(NULL, sizeof(*shift), PROT_READ, MAP_SHARED, file, 0);
  close(file);
  if (bytes == MAP_FAILED) abort();
  shift = bytes;
}

static int real_clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*next)(clockid_t, struct timespec *);
  if (!next) next = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  return next(clock, time);
}

int clock_gettime(clockid_t clock, struct timespec *result) {
  int code = real_clock_gettime(clock, result);
  // The clocks that tell the time of day step; those that count from the machine's start do not.
  if (!code && shift && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    result->tv_sec += *shift;
  }
  return code;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  result->tv_sec = now.tv_sec;
  result->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *result) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return (time_t)-1;
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

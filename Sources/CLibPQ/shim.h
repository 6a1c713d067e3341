#ifndef CLIBPQ_SHIM_H
#define CLIBPQ_SHIM_H

#include <libpq-fe.h>
#include <poll.h>
#include <time.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

// The letters of an error's fields are characters, which the Swift importer makes integers of one by one.
static inline const char *clibpq_field(const PGresult *result, char field) {
  return PQresultErrorField(result, field);
}

// Whether something can be read within so many microseconds; where ppoll is not known, a part of a millisecond counts as one.
static inline int clibpq_can_read(int socket, long microseconds) {
  struct pollfd watched = {socket, POLLIN, 0};
#if defined(__linux__) && defined(__LP64__)
  // Its declaration needs _GNU_SOURCE, which is too late here.
  struct timespec limit = {microseconds / 1000000, microseconds % 1000000 * 1000};
  return syscall(SYS_ppoll, &watched, 1, &limit, NULL, 0) == 1;
#else
  return poll(&watched, 1, (int)((microseconds + 999) / 1000)) == 1;
#endif
}

#endif

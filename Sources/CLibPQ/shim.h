#ifndef CLIBPQ_SHIM_H
#define CLIBPQ_SHIM_H

#include <libpq-fe.h>

// The letters of an error's fields are characters, which the Swift importer makes integers of one by one.
static inline const char *clibpq_field(const PGresult *result, char field) {
  return PQresultErrorField(result, field);
}

#endif

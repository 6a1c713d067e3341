// The reference programs' own small layer over libpq: it blocks, and ends the program where something fails.
#pragma once

// Where Debian has it; others have it where headers are looked for.
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
#include <libpq-fe.h>
#endif
#include <stdint.h>

/// The bytes of an array of one dimension, as PostgreSQL takes it in binary form.
typedef struct {
  char *bytes;
  size_t size, capacity;
  int32_t count;
} array;

enum { INT4 = 23, INT8 = 20, TEXT = 25, BYTEA = 17, UUID = 2950 };

void array_begin(array *a, int32_t type);
/// Adds an element; NULL where there are no bytes.
void array_add(array *a, const void *bytes, int32_t size);
void array_add_int4(array *a, int32_t value);
void array_add_int8(array *a, int64_t value);
void array_end(array *a);
void big_endian_8(char *bytes, int64_t value);

PGconn *pg_open(const char *url);
void pg_prepare(PGconn *connection, const char *name, const char *sql);
/// Puts a prepared statement with binary parameters into the pipeline. An array stands for each parameter; without bytes, for NULL.
void pg_send(PGconn *connection, const char *name, int count, const array *parameters);
/// Ends a transaction of the pipeline.
void pg_sync(PGconn *connection);
/// Waits until so many transactions have been answered.
void pg_finish(PGconn *connection, int transactions);
/// Runs statements, and returns what the last one gave.
PGresult *pg_run(PGconn *connection, const char *sql);

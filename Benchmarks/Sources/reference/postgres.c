// pg-run URL SQL: runs statements.
// pg-wait URL SQL LEAST SECONDS: until a query gives at least so much; a table that is not there yet gives nothing.
#include "postgres.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "reference.h"

static void reserve(array *a, size_t more) {
  while (a->size + more > a->capacity) {
    a->capacity = a->capacity ? a->capacity * 2 : 4096;
    a->bytes = realloc(a->bytes, a->capacity);
    if (!a->bytes) abort();
  }
}

static void add_int4(array *a, int32_t value) {
  uint32_t wire = htonl((uint32_t)value);
  reserve(a, 4);
  memcpy(a->bytes + a->size, &wire, 4);
  a->size += 4;
}

void array_begin(array *a, int32_t type) {
  a->size = 0;
  a->count = 0;
  add_int4(a, 1);
  add_int4(a, 0);
  add_int4(a, type);
  add_int4(a, 0);
  add_int4(a, 1);
}

void array_add(array *a, const void *bytes, int32_t size) {
  a->count++;
  if (!bytes) {
    a->bytes[7] = 1;
    add_int4(a, -1);
    return;
  }
  add_int4(a, size);
  reserve(a, (size_t)size);
  memcpy(a->bytes + a->size, bytes, (size_t)size);
  a->size += (size_t)size;
}

void array_add_int4(array *a, int32_t value) {
  uint32_t wire = htonl((uint32_t)value);
  array_add(a, &wire, 4);
}

void big_endian_8(char *bytes, int64_t value) {
  for (int i = 0; i < 8; i++) bytes[i] = (char)(value >> (56 - 8 * i));
}

void array_add_int8(array *a, int64_t value) {
  char wire[8];
  big_endian_8(wire, value);
  array_add(a, wire, 8);
}

void array_end(array *a) {
  uint32_t wire = htonl((uint32_t)a->count);
  memcpy(a->bytes + 12, &wire, 4);
}

static void check(PGconn *connection, int is_right, const char *what) {
  if (!is_right) fail(what, PQerrorMessage(connection));
}

static void ignore_notice(void *context, const char *message) {
  (void)context;
  (void)message;
}

PGconn *pg_open(const char *url) {
  PGconn *connection = PQconnectdb(url);
  check(connection, PQstatus(connection) == CONNECTION_OK, "connect");
  PQsetNoticeProcessor(connection, ignore_notice, NULL);
  return connection;
}

void pg_prepare(PGconn *connection, const char *name, const char *sql) {
  PGresult *result = PQprepare(connection, name, sql, 0, NULL);
  check(connection, PQresultStatus(result) == PGRES_COMMAND_OK, sql);
  PQclear(result);
}

void pg_send(PGconn *connection, const char *name, int count, const array *parameters) {
  const char *values[24];
  int lengths[24], formats[24];
  for (int i = 0; i < count; i++) {
    values[i] = parameters[i].bytes;
    lengths[i] = (int)parameters[i].size;
    formats[i] = 1;
  }
  check(
      connection, PQsendQueryPrepared(connection, name, count, values, lengths, formats, 1), name);
}

void pg_sync(PGconn *connection) { check(connection, PQpipelineSync(connection), "sync"); }

void pg_finish(PGconn *connection, int transactions) {
  while (transactions > 0) {
    PGresult *result = PQgetResult(connection);
    if (!result) continue;
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) transactions--;
    else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      fail("pipeline", PQresultErrorMessage(result));
    PQclear(result);
  }
}

PGresult *pg_run(PGconn *connection, const char *sql) {
  PGresult *result = PQexec(connection, sql);
  ExecStatusType status = PQresultStatus(result);
  check(connection, status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, sql);
  return result;
}

int pg_run_main(int argc, char **argv) {
  if (argc != 3) fail("usage", "pg-run URL SQL");
  double start = now();
  PQclear(pg_run(pg_open(argv[1]), argv[2]));
  report(1, now() - start, NULL);
  return 0;
}

int pg_wait_main(int argc, char **argv) {
  if (argc != 5) fail("usage", "pg-wait URL SQL LEAST SECONDS");
  PGconn *connection = pg_open(argv[1]);
  int64_t least = number(argv[3]), found = 0;
  double start = now(), deadline = start + (double)number(argv[4]);
  while (1) {
    PGresult *result = PQexec(connection, argv[2]);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) && !PQgetisnull(result, 0, 0))
      found = number(PQgetvalue(result, 0, 0));
    PQclear(result);
    if (found >= least) break;
    if (now() > deadline) {
      fprintf(stderr, "reference: %lld of %lld\n", (long long)found, (long long)least);
      return 1;
    }
    usleep(5000);
  }
  report((uint64_t)found, now() - start, NULL);
  return 0;
}

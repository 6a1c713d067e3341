// pg-append URL GROUP EVENTS STREAMS FUNCTION: groups of one event a stream, by one connection, as a writer sends them; FUNCTION is
// append_group, and a transaction that waits for the flush follows it, or nextval, which is the same function with numbers from a
// sequence, and waits for its own flush.
// pg-load URL ID ROUNDS: the events of one stream, again and again.
#include <string.h>
#include <time.h>

#include "postgres.h"
#include "reference.h"

static const char payload[] =
    "{\"sku\":\"85123A\",\"description\":\"WHITE HANGING HEART T-LIGHT HOLDER\",\"quantity\":6,"
    "\"unitPrice\":\"2.55\",\"note\":\"packed with care, to be left with the neighbour\"}";

/// The function without the lock, and with numbers that have gaps. Each part must be found, so that none is left in by mistake.
static const char make_nextval[] =
    "CREATE SEQUENCE IF NOT EXISTS numbers;"
    "DO $do$ DECLARE sql text := pg_get_functiondef('append_group'::regproc); part text[];"
    " BEGIN"
    "  FOREACH part SLICE 1 IN ARRAY ARRAY["
    "   ['append_group(', 'append_nextval('],"
    "   ['PERFORM FROM append_lock WHERE only_row FOR UPDATE;', ''],"
    "   ['PERFORM set_config(''synchronous_commit'', ''off'', true);', ''],"
    "   ['SELECT coalesce(max(e.sequence), 0) INTO v_head FROM events e;', 'v_head := 0;'],"
    "   ['v_head + row_number() OVER (ORDER BY p.n) AS sequence', 'nextval(''numbers'') AS sequence'],"
    "   ['row_number() OVER (PARTITION BY r_partition[p.request] ORDER BY p.n)', '0'],"
    "   ['h.head + n.in_partition AS', 'n.sequence AS'],"
    "   ['FROM numbered n JOIN heads h USING (partition)', 'FROM numbered n']]"
    "  LOOP"
    "   IF position(part[1] IN sql) = 0 THEN RAISE 'append_group has no %', part[1]; END IF;"
    "   sql := replace(sql, part[1], part[2]);"
    "  END LOOP;"
    "  EXECUTE sql;"
    " END $do$";

enum {
  R_STREAM, R_PARTITION, R_EXPECTED, R_EVENTS, R_ROUND, R_KEY, R_NUMBER, R_REQUEST, R_METADATA,
  R_BYTES, E_REQUEST, E_PLACE, E_BYTES, E_TYPE, E_ID, E_PAYLOAD, AT, MAX_EVENTS, MAX_BYTES,
  KEY_LIFETIME, PARAMETERS
};

static const int32_t types[] = {TEXT, INT4, INT8, INT4, INT4, BYTEA, INT8, INT8,
                                BYTEA, INT8, INT4, INT4, INT8, TEXT, UUID, BYTEA};

static void single(array *a, int64_t value) {
  a->bytes = a->bytes ? a->bytes : malloc(8);
  big_endian_8(a->bytes, value);
  a->size = 8;
}

static void make_group(array *p, int group, uint64_t streams, uint64_t *random) {
  static int64_t ids;
  static uint64_t chosen[4096];
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  // PostgreSQL counts from 2000-01-01.
  int64_t at = ((int64_t)time.tv_sec - 946684800) * 1000000 + time.tv_nsec / 1000;
  for (int i = 0; i < AT; i++) array_begin(&p[i], types[i]);
  for (int i = 0; i < group; i++) {
    chosen[i] = next_random(random) % streams;
    int round = 0;
    for (int j = 0; j < i; j++) round += chosen[j] == chosen[i];
    char stream[32];
    int length = sprintf(stream, "order-%llu", (unsigned long long)chosen[i]);
    array_add(&p[R_STREAM], stream, length);
    array_add_int4(&p[R_PARTITION], (int32_t)(chosen[i] % PARTITIONS));
    array_add(&p[R_EXPECTED], NULL, 0);
    array_add_int4(&p[R_EVENTS], 1);
    array_add_int4(&p[R_ROUND], round);
    for (int nulls = R_KEY; nulls <= R_METADATA; nulls++) array_add(&p[nulls], NULL, 0);
    array_add_int8(&p[R_BYTES], sizeof(payload) - 1);
    array_add_int4(&p[E_REQUEST], i + 1);
    array_add_int4(&p[E_PLACE], 1);
    array_add_int8(&p[E_BYTES], sizeof(payload) - 1);
    array_add(&p[E_TYPE], "OrderItemAdded", 14);
    char id[16];
    big_endian_8(id, at);
    big_endian_8(id + 8, ++ids);
    array_add(&p[E_ID], id, 16);
    array_add(&p[E_PAYLOAD], payload, sizeof(payload) - 1);
  }
  for (int i = 0; i < AT; i++) array_end(&p[i]);
  single(&p[AT], at);
  single(&p[MAX_EVENTS], 1 << 30);
  single(&p[MAX_BYTES], 1 << 30);
}

int pg_append_main(int argc, char **argv) {
  if (argc != 6) fail("usage", "pg-append URL GROUP EVENTS STREAMS append_group|nextval");
  int group = (int)number(argv[2]);
  int64_t events = number(argv[3]);
  uint64_t streams = (uint64_t)number(argv[4]), random = 1;
  int is_gapless = strcmp(argv[5], "append_group") == 0;
  PGconn *connection = pg_open(argv[1]);
  PQclear(pg_run(connection, "SET search_path = eventually; SET synchronous_commit = on"));
  if (!is_gapless) PQclear(pg_run(connection, make_nextval));
  char sql[512];
  snprintf(
      sql, sizeof(sql),
      "SELECT request, outcome, version, sequence, partition_offset, events, bytes FROM %s($1, $2, $3,"
      " $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
      is_gapless ? "append_group" : "append_nextval");
  pg_prepare(connection, "append", sql);
  pg_prepare(connection, "flushed", "SELECT flushed()");
  if (!PQenterPipelineMode(connection)) fail("pipeline", PQerrorMessage(connection));
  array parameters[PARAMETERS] = {0};
  latencies calls = {0};
  double start = now();
  for (int64_t done = 0; done < events; done += group) {
    double before = now();
    make_group(parameters, group, streams, &random);
    pg_send(connection, "append", PARAMETERS, parameters);
    pg_sync(connection);
    if (is_gapless) {
      pg_send(connection, "flushed", 0, NULL);
      pg_sync(connection);
    }
    pg_finish(connection, is_gapless ? 2 : 1);
    latencies_add(&calls, now() - before);
  }
  report((uint64_t)events, now() - start, &calls);
  return 0;
}

int pg_load_main(int argc, char **argv) {
  if (argc != 4) fail("usage", "pg-load URL ID ROUNDS");
  PGconn *connection = pg_open(argv[1]);
  PQclear(pg_run(connection, "SET search_path = eventually"));
  pg_prepare(
      connection, "load",
      "SELECT e.sequence, e.version, e.partition, e.partition_offset, e.type, e.id, e.time, e.payload,"
      " e.metadata FROM streams s JOIN events e ON e.stream = s.key"
      " WHERE s.id = $1::text AND e.version > 0 AND NOT e.is_erased ORDER BY e.version LIMIT 512");
  const char *values[] = {argv[2]};
  int lengths[] = {(int)strlen(argv[2])}, formats[] = {1};
  int64_t rounds = number(argv[3]);
  static char buffer[1 << 20];
  uint64_t count = 0;
  latencies calls = {0};
  double start = now();
  for (int64_t round = 0; round < rounds; round++) {
    double before = now();
    PGresult *rows = PQexecPrepared(connection, "load", 1, values, lengths, formats, 1);
    if (PQresultStatus(rows) != PGRES_TUPLES_OK) fail("load", PQerrorMessage(connection));
    size_t size = 0;
    for (int row = 0; row < PQntuples(rows); row++) {
      memcpy(buffer + size, PQgetvalue(rows, row, 7), (size_t)PQgetlength(rows, row, 7));
      size += (size_t)PQgetlength(rows, row, 7);
      count++;
    }
    PQclear(rows);
    latencies_add(&calls, now() - before);
  }
  if (count == 0) fail(argv[2], "no such stream");
  report(count, now() - start, &calls);
  return 0;
}

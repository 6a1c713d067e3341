// pg-apply BROKERS TOPIC PARTITIONS EVENTS URL: takes so many records, 5,000 or 3 ms at a time, and adds each batch to one row for
// each key, without decoding anything: one statement from arrays, and the checkpoints in the same transaction.
#include <string.h>

#include "postgres.h"
#include "reference.h"

typedef struct {
  PGconn *connection;
  int64_t *positions;
  int partitions;
  array rows[2], checkpoints[2];
} read_model;

static void apply(rd_kafka_message_t **messages, size_t count, void *context) {
  read_model *model = context;
  if (count == 0) return;
  array_begin(&model->rows[0], TEXT);
  array_begin(&model->rows[1], INT8);
  array_begin(&model->checkpoints[0], INT4);
  array_begin(&model->checkpoints[1], INT8);
  for (size_t i = 0; i < count; i++) {
    array_add(&model->rows[0], messages[i]->key, (int32_t)messages[i]->key_len);
    array_add_int8(&model->rows[1], (int64_t)messages[i]->len);
    model->positions[messages[i]->partition] = record_position(messages[i]);
  }
  for (int i = 0; i < model->partitions; i++) {
    if (!model->positions[i]) continue;
    array_add_int4(&model->checkpoints[0], i);
    array_add_int8(&model->checkpoints[1], model->positions[i]);
    model->positions[i] = 0;
  }
  for (int i = 0; i < 2; i++) {
    array_end(&model->rows[i]);
    array_end(&model->checkpoints[i]);
  }
  // Up to a synchronisation all is one transaction.
  pg_send(model->connection, "rows", 2, model->rows);
  pg_send(model->connection, "checkpoints", 2, model->checkpoints);
  pg_sync(model->connection);
  pg_finish(model->connection, 1);
}

int pg_apply_main(int argc, char **argv) {
  if (argc != 6) fail("usage", "pg-apply BROKERS TOPIC PARTITIONS EVENTS URL");
  int partitions = (int)number(argv[3]);
  read_model model = {
      .connection = pg_open(argv[5]),
      .positions = calloc((size_t)partitions, sizeof(int64_t)),
      .partitions = partitions,
  };
  PQclear(pg_run(
      model.connection,
      "SET synchronous_commit = off;"
      "CREATE TABLE orders (id text COLLATE \"C\" PRIMARY KEY, events bigint NOT NULL,"
      "  bytes bigint NOT NULL) WITH (fillfactor = 85);"
      "CREATE TABLE checkpoints (partition integer PRIMARY KEY, position bigint NOT NULL)"
      "  WITH (fillfactor = 20)"));
  pg_prepare(
      model.connection, "rows",
      "INSERT INTO orders AS o SELECT u.id COLLATE \"C\", count(*), sum(u.bytes)"
      " FROM unnest($1::text[], $2::bigint[]) u(id, bytes) GROUP BY 1 ORDER BY 1"
      " ON CONFLICT (id) DO UPDATE"
      " SET events = o.events + excluded.events, bytes = o.bytes + excluded.bytes");
  pg_prepare(
      model.connection, "checkpoints",
      "INSERT INTO checkpoints SELECT * FROM unnest($1::integer[], $2::bigint[])"
      " ON CONFLICT (partition) DO UPDATE SET position = excluded.position");
  if (!PQenterPipelineMode(model.connection)) fail("pipeline", PQerrorMessage(model.connection));
  int64_t events = number(argv[4]);
  double seconds = consume(argv[1], argv[2], partitions, events, 5000, apply, &model);
  report((uint64_t)events, seconds, NULL);
  return 0;
}

// append STORE BATCH EVENTS STREAMS: one transaction for each batch, which goes to one of so many streams.
#include <string.h>
#include <time.h>

#include "reference.h"

void create_store(sqlite3 *database) {
  run(database,
      "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "PRAGMA cache_size = -65536; PRAGMA wal_autocheckpoint = 4000;"
      "CREATE TABLE IF NOT EXISTS streams (key INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
      "  partition INTEGER NOT NULL, version INTEGER NOT NULL, head INTEGER NOT NULL);"
      "CREATE TABLE IF NOT EXISTS events (sequence INTEGER PRIMARY KEY, stream INTEGER NOT NULL,"
      "  version INTEGER NOT NULL, previous INTEGER NOT NULL, partition INTEGER NOT NULL,"
      "  partition_sequence INTEGER NOT NULL, type TEXT NOT NULL, id BLOB NOT NULL,"
      "  time INTEGER NOT NULL, payload BLOB NOT NULL, metadata BLOB);"
      "CREATE UNIQUE INDEX IF NOT EXISTS events_by_partition"
      "  ON events (partition, partition_sequence);");
}

static const char payload[] =
    "{\"sku\":\"85123A\",\"description\":\"WHITE HANGING HEART T-LIGHT HOLDER\",\"quantity\":6,"
    "\"unitPrice\":\"2.55\",\"note\":\"packed with care, to be left with the neighbour\"}";

typedef struct {
  sqlite3_stmt *begin, *commit, *find, *add, *change, *insert;
  int64_t sequence;
  int64_t partitions[PARTITIONS];
} writer;

static int64_t wall_clock(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void append(writer *w, const char *stream, int batch) {
  int length = (int)strlen(stream);
  execute(w->begin);
  sqlite3_bind_text(w->find, 1, stream, length, SQLITE_STATIC);
  int64_t key = 0, version = 0, head = 0, partition = 0;
  if (sqlite3_step(w->find) == SQLITE_ROW) {
    key = sqlite3_column_int64(w->find, 0);
    partition = sqlite3_column_int64(w->find, 1);
    version = sqlite3_column_int64(w->find, 2);
    head = sqlite3_column_int64(w->find, 3);
  }
  sqlite3_reset(w->find);
  if (key) {
    sqlite3_bind_int64(w->change, 1, version + batch);
    sqlite3_bind_int64(w->change, 2, w->sequence + batch);
    sqlite3_bind_int64(w->change, 3, key);
    execute(w->change);
  } else {
    uint32_t hash = 2166136261;
    for (int i = 0; i < length; i++) hash = (hash ^ (uint8_t)stream[i]) * 16777619;
    partition = hash % PARTITIONS;
    sqlite3_bind_text(w->add, 1, stream, length, SQLITE_STATIC);
    sqlite3_bind_int64(w->add, 2, partition);
    sqlite3_bind_int64(w->add, 3, batch);
    sqlite3_bind_int64(w->add, 4, w->sequence + batch);
    execute(w->add);
    key = sqlite3_last_insert_rowid(sqlite3_db_handle(w->add));
  }
  int64_t time = wall_clock();
  for (int i = 0; i < batch; i++) {
    int64_t id[2] = {time, ++w->sequence};
    sqlite3_bind_int64(w->insert, 1, w->sequence);
    sqlite3_bind_int64(w->insert, 2, key);
    sqlite3_bind_int64(w->insert, 3, version + i + 1);
    sqlite3_bind_int64(w->insert, 4, head);
    sqlite3_bind_int64(w->insert, 5, partition);
    sqlite3_bind_int64(w->insert, 6, ++w->partitions[partition]);
    sqlite3_bind_text(w->insert, 7, "OrderItemAdded", 14, SQLITE_STATIC);
    sqlite3_bind_blob(w->insert, 8, id, sizeof(id), SQLITE_STATIC);
    sqlite3_bind_int64(w->insert, 9, time);
    sqlite3_bind_blob(w->insert, 10, payload, sizeof(payload) - 1, SQLITE_STATIC);
    execute(w->insert);
    head = w->sequence;
  }
  execute(w->commit);
}

int append_main(int argc, char **argv) {
  if (argc != 5) fail("usage", "append STORE BATCH EVENTS STREAMS");
  int batch = (int)number(argv[2]);
  int64_t events = number(argv[3]);
  uint64_t streams = (uint64_t)number(argv[4]), random = 1;
  sqlite3 *database = open_database(argv[1]);
  create_store(database);
  writer w = {
      .begin = prepare(database, "BEGIN IMMEDIATE"),
      .commit = prepare(database, "COMMIT"),
      .find = prepare(database, "SELECT key, partition, version, head FROM streams WHERE id = ?"),
      .add = prepare(
          database, "INSERT INTO streams (id, partition, version, head) VALUES (?, ?, ?, ?)"),
      .change = prepare(database, "UPDATE streams SET version = ?, head = ? WHERE key = ?"),
      .insert = prepare(database, "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)"),
  };
  latencies calls = {0};
  double start = now();
  for (int64_t done = 0; done < events; done += batch) {
    char stream[32];
    snprintf(stream, sizeof(stream), "order-%08llu",
             (unsigned long long)(next_random(&random) % streams));
    double before = now();
    append(&w, stream, batch);
    latencies_add(&calls, now() - before);
  }
  report((uint64_t)events, now() - start, &calls);
  return 0;
}

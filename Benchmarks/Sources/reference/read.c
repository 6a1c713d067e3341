// scan STORE: all events in order, each copied out of SQLite and not decoded.
// stream STORE ID ROUNDS: the events of one stream, walked along their links and copied.
#include <string.h>

#include "reference.h"

/// An event's columns, in memory of one's own.
static size_t copy_row(sqlite3_stmt *row, int payload_column, char *buffer) {
  const void *payload = sqlite3_column_blob(row, payload_column);
  size_t size = (size_t)sqlite3_column_bytes(row, payload_column);
  memcpy(buffer, payload, size);
  return size;
}

int scan_main(int argc, char **argv) {
  if (argc != 2) fail("usage", "scan STORE");
  sqlite3 *database = open_database(argv[1]);
  sqlite3_stmt *select = prepare(
      database,
      "SELECT e.sequence, e.version, e.partition, e.partition_sequence, e.type, e.id, e.time,"
      " e.payload, s.id FROM events e JOIN streams s ON s.key = e.stream ORDER BY e.sequence");
  static char buffer[1 << 20];
  uint64_t count = 0, size = 0;
  double start = now();
  while (sqlite3_step(select) == SQLITE_ROW) {
    int64_t position = sqlite3_column_int64(select, 0) + sqlite3_column_int64(select, 1) +
                       sqlite3_column_int64(select, 2) + sqlite3_column_int64(select, 3) +
                       sqlite3_column_int64(select, 6);
    memcpy(buffer, sqlite3_column_text(select, 4), (size_t)sqlite3_column_bytes(select, 4));
    memcpy(buffer, sqlite3_column_text(select, 8), (size_t)sqlite3_column_bytes(select, 8));
    memcpy(buffer, sqlite3_column_blob(select, 5), (size_t)sqlite3_column_bytes(select, 5));
    size += copy_row(select, 7, buffer) + (position < 0);
    count++;
  }
  double seconds = now() - start;
  if (size == 0) fail(argv[1], "nothing to read");
  report(count, seconds, NULL);
  return 0;
}

// replay STORE DATABASE: all events in order, each an upsert of its stream's row, in transactions of 5,000.
int replay_main(int argc, char **argv) {
  if (argc != 3) fail("usage", "replay STORE DATABASE");
  sqlite3 *store = open_database(argv[1]);
  sqlite3 *database = open_database(argv[2]);
  run(database,
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
      "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;"
      "CREATE TABLE orders (id TEXT PRIMARY KEY, events INTEGER NOT NULL, bytes INTEGER NOT NULL)"
      "  WITHOUT ROWID;"
      "CREATE TABLE checkpoints (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL);");
  sqlite3_stmt *select = prepare(
      store,
      "SELECT e.sequence, e.partition, e.partition_sequence, e.payload, s.id"
      " FROM events e JOIN streams s ON s.key = e.stream ORDER BY e.sequence");
  sqlite3_stmt *begin = prepare(database, "BEGIN IMMEDIATE");
  sqlite3_stmt *commit = prepare(database, "COMMIT");
  sqlite3_stmt *upsert = prepare(
      database,
      "INSERT INTO orders VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE SET"
      " events = events + 1, bytes = bytes + ?2");
  sqlite3_stmt *checkpoint = prepare(
      database,
      "INSERT INTO checkpoints VALUES (?1, ?2) ON CONFLICT DO UPDATE SET position = ?2");
  static int64_t positions[10000];
  uint64_t count = 0;
  double start = now();
  int row = sqlite3_step(select);
  while (row == SQLITE_ROW) {
    execute(begin);
    for (int i = 0; i < 5000 && row == SQLITE_ROW; i++) {
      sqlite3_bind_text(
          upsert, 1, (const char *)sqlite3_column_text(select, 4),
          sqlite3_column_bytes(select, 4), SQLITE_STATIC);
      sqlite3_bind_int64(upsert, 2, sqlite3_column_bytes(select, 3));
      execute(upsert);
      positions[sqlite3_column_int64(select, 1)] = sqlite3_column_int64(select, 2);
      count++;
      row = sqlite3_step(select);
    }
    for (int i = 0; i < 10000; i++) {
      if (!positions[i]) continue;
      sqlite3_bind_int64(checkpoint, 1, i);
      sqlite3_bind_int64(checkpoint, 2, positions[i]);
      execute(checkpoint);
      positions[i] = 0;
    }
    execute(commit);
  }
  report(count, now() - start, NULL);
  return 0;
}

int stream_main(int argc, char **argv) {
  if (argc != 4) fail("usage", "stream STORE ID ROUNDS");
  sqlite3 *database = open_database(argv[1]);
  sqlite3_stmt *find = prepare(database, "SELECT head FROM streams WHERE id = ?");
  sqlite3_stmt *select = prepare(
      database,
      "SELECT previous, version, partition_sequence, type, id, time, payload"
      " FROM events WHERE sequence = ?");
  int64_t rounds = number(argv[3]);
  uint64_t count = 0;
  latencies calls = {0};
  double start = now();
  for (int64_t round = 0; round < rounds; round++) {
    double before = now();
    sqlite3_bind_text(find, 1, argv[2], -1, SQLITE_STATIC);
    if (sqlite3_step(find) != SQLITE_ROW) fail(argv[2], "no such stream");
    int64_t sequence = sqlite3_column_int64(find, 0);
    sqlite3_reset(find);
    // The links lead from the newest to the oldest; what is read is put in order from the end.
    size_t capacity = 1 << 20, used = 0;
    char *events = malloc(capacity);
    while (sequence) {
      sqlite3_bind_int64(select, 1, sequence);
      if (sqlite3_step(select) != SQLITE_ROW) fail(argv[2], "an event is missing");
      sequence = sqlite3_column_int64(select, 0);
      if (used + 65536 > capacity) events = realloc(events, capacity *= 2);
      used += copy_row(select, 6, events + used);
      sqlite3_reset(select);
      count++;
    }
    free(events);
    latencies_add(&calls, now() - before);
  }
  report(count, now() - start, &calls);
  return 0;
}

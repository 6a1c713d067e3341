#include "reference.h"

#include <string.h>
#include <time.h>

void fail(const char *what, const char *why) {
  fprintf(stderr, "reference: %s: %s\n", what, why);
  exit(1);
}

double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/// SplitMix64.
uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

int64_t number(const char *text) {
  char *end;
  int64_t value = strtoll(text, &end, 10);
  if (*end || end == text) fail("not a number", text);
  return value;
}

void latencies_add(latencies *all, double seconds) {
  if (all->count == all->capacity) {
    all->capacity = all->capacity ? all->capacity * 2 : 4096;
    all->seconds = realloc(all->seconds, all->capacity * sizeof(double));
    if (!all->seconds) abort();
  }
  all->seconds[all->count++] = seconds;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

void report(uint64_t count, double seconds, latencies *calls) {
  printf("{\"count\":%llu,\"seconds\":%.6f", (unsigned long long)count, seconds);
  if (calls && calls->count) {
    qsort(calls->seconds, calls->count, sizeof(double), compare);
    const double shares[] = {0.5, 0.99, 0.999};
    const char *names[] = {"p50", "p99", "p999"};
    for (int i = 0; i < 3; i++) {
      size_t index = (size_t)(shares[i] * (double)(calls->count - 1) + 0.5);
      printf(",\"%s\":%.4f", names[i], calls->seconds[index] * 1000);
    }
  }
  printf("}\n");
}

sqlite3 *open_database(const char *path) {
  sqlite3 *database;
  if (sqlite3_open_v2(
          path, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL))
    fail(path, sqlite3_errmsg(database));
  return database;
}

void run(sqlite3 *database, const char *sql) {
  if (sqlite3_exec(database, sql, NULL, NULL, NULL)) fail(sql, sqlite3_errmsg(database));
}

sqlite3_stmt *prepare(sqlite3 *database, const char *sql) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL))
    fail(sql, sqlite3_errmsg(database));
  return statement;
}

void execute(sqlite3_stmt *statement) {
  if (sqlite3_step(statement) != SQLITE_DONE)
    fail(sqlite3_sql(statement), sqlite3_errmsg(sqlite3_db_handle(statement)));
  sqlite3_reset(statement);
}

static const struct {
  const char *name;
  int (*main)(int, char **);
} programs[] = {
    {"append", append_main},   {"scan", scan_main},       {"stream", stream_main},
    {"produce", produce_main}, {"consume", consume_main}, {"apply", apply_main},
    {"replay", replay_main},   {"pg-run", pg_run_main},   {"pg-wait", pg_wait_main},
    {"pg-append", pg_append_main}, {"pg-load", pg_load_main}, {"pg-apply", pg_apply_main},
};

int main(int argc, char **argv) {
  for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
    if (argc > 1 && strcmp(argv[1], programs[i].name) == 0)
      return programs[i].main(argc - 1, argv + 1);
  }
  fprintf(stderr, "usage: reference PROGRAM ARGUMENTS\n");
  return 2;
}

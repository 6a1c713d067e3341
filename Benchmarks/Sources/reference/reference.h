// What somebody would write by hand in C for the work that is measured: no abstractions, no checks that the work itself does
// not need. Each program prints one line of JSON.
#pragma once

#include <librdkafka/rdkafka.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTITIONS 12

int append_main(int argc, char **argv);
int scan_main(int argc, char **argv);
int stream_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int produce_main(int argc, char **argv);
int consume_main(int argc, char **argv);
int apply_main(int argc, char **argv);
int pg_run_main(int argc, char **argv);
int pg_wait_main(int argc, char **argv);
int pg_append_main(int argc, char **argv);
int pg_load_main(int argc, char **argv);
int pg_apply_main(int argc, char **argv);

/// Ends the program with a message: a reference has nobody to report errors to.
void fail(const char *what, const char *why);
double now(void);
uint64_t next_random(uint64_t *state);
int64_t number(const char *text);

/// How long each of many calls took.
typedef struct {
  double *seconds;
  size_t count;
  size_t capacity;
} latencies;

void latencies_add(latencies *all, double seconds);
/// Prints {"count":…,"seconds":…} and, where there are any, quantiles of calls in milliseconds.
void report(uint64_t count, double seconds, latencies *calls);

sqlite3 *open_database(const char *path);
void run(sqlite3 *database, const char *sql);
sqlite3_stmt *prepare(sqlite3 *database, const char *sql);
/// Steps a statement that gives no rows, and resets it.
void execute(sqlite3_stmt *statement);
/// The tables of an event store, as the Swift library has them.
void create_store(sqlite3 *database);

/// What becomes of a batch of records.
typedef void (*taker)(rd_kafka_message_t **messages, size_t count, void *context);

/// Takes so many records from all partitions, `limit` or 3 ms at a time.
/// Returns how long that took from the first record on.
double consume(
    const char *brokers, const char *topic, int partitions, int64_t events, size_t limit,
    taker take, void *context);
/// The partition offset, which the header `ce_position` begins with.
int64_t record_position(rd_kafka_message_t *message);

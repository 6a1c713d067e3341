// consume BROKERS TOPIC PARTITIONS EVENTS: takes so many records and looks at none.
// apply BROKERS TOPIC PARTITIONS EVENTS DATABASE: the same, and for each record one upsert of a row for its key, without decoding
// anything; rows and checkpoints are committed together, 2,000 records or 3 ms at a time.
#include <string.h>

#include "reference.h"

static rd_kafka_t *make_client(const char *brokers) {
  char message[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  const char *settings[][2] = {
      {"bootstrap.servers", brokers},
      {"group.id", "reference"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", "earliest"},
      {"fetch.wait.max.ms", "10"},
      {"queued.min.messages", "1000000"},
      // As much as it likes: where a limit is reached, librdkafka 2.0's fetcher sleeps for up to a second.
      {"queued.max.messages.kbytes", "1000000"},
  };
  for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
    if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], message, sizeof(message)))
      fail(settings[i][0], message);
  }
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, message, sizeof(message));
  if (!client) fail("consumer", message);
  rd_kafka_poll_set_consumer(client);
  return client;
}

static void assign(rd_kafka_t *client, const char *topic, int partitions) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; i++)
    rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  if (rd_kafka_assign(client, list)) fail(topic, "can't be assigned");
  rd_kafka_topic_partition_list_destroy(list);
}

double consume(
    const char *brokers, const char *topic, int partitions, int64_t events, size_t limit,
    taker take, void *context) {
  rd_kafka_t *client = make_client(brokers);
  assign(client, topic, partitions);
  rd_kafka_message_t *batch[limit];
  double start = 0, deadline = 0;
  for (int64_t done = 0; done < events;) {
    size_t count = 0;
    while (count < limit) {
      int wait = count == 0 ? 100 : (int)((deadline - now()) * 1000);
      if (wait < 0) break;
      rd_kafka_message_t *message = rd_kafka_consumer_poll(client, wait);
      if (!message) continue;
      if (message->err) fail("consume", rd_kafka_message_errstr(message));
      if (start == 0) start = now();
      if (count == 0) deadline = now() + 0.003;
      batch[count++] = message;
      if (done + (int64_t)count == events) break;
    }
    take(batch, count, context);
    for (size_t i = 0; i < count; i++) rd_kafka_message_destroy(batch[i]);
    done += (int64_t)count;
  }
  double seconds = now() - start;
  rd_kafka_consumer_close(client);
  rd_kafka_destroy(client);
  return seconds;
}

static void ignore(rd_kafka_message_t **messages, size_t count, void *context) {
  (void)messages;
  *(size_t *)context += count;
}

int consume_main(int argc, char **argv) {
  if (argc != 5) fail("usage", "consume BROKERS TOPIC PARTITIONS EVENTS");
  size_t seen = 0;
  int64_t events = number(argv[4]);
  double seconds = consume(argv[1], argv[2], (int)number(argv[3]), events, 2000, ignore, &seen);
  report((uint64_t)events, seconds, NULL);
  return 0;
}

typedef struct {
  sqlite3_stmt *begin, *commit, *upsert, *checkpoint;
  int64_t *positions;
  int partitions;
} read_model;

int64_t record_position(rd_kafka_message_t *message) {
  rd_kafka_headers_t *headers;
  const void *value;
  size_t size;
  if (rd_kafka_message_headers(message, &headers) ||
      rd_kafka_header_get_last(headers, "ce_position", &value, &size))
    fail("a record", "has no position");
  return strtoll(value, NULL, 10);
}

static void apply(rd_kafka_message_t **messages, size_t count, void *context) {
  read_model *model = context;
  if (count == 0) return;
  execute(model->begin);
  for (size_t i = 0; i < count; i++) {
    rd_kafka_message_t *message = messages[i];
    sqlite3_bind_text(model->upsert, 1, message->key, (int)message->key_len, SQLITE_STATIC);
    sqlite3_bind_int64(model->upsert, 2, (int64_t)message->len);
    execute(model->upsert);
    model->positions[message->partition] = record_position(message);
  }
  for (int i = 0; i < model->partitions; i++) {
    if (!model->positions[i]) continue;
    sqlite3_bind_int64(model->checkpoint, 1, i);
    sqlite3_bind_int64(model->checkpoint, 2, model->positions[i]);
    execute(model->checkpoint);
    model->positions[i] = 0;
  }
  execute(model->commit);
}

int apply_main(int argc, char **argv) {
  if (argc != 6) fail("usage", "apply BROKERS TOPIC PARTITIONS EVENTS DATABASE");
  sqlite3 *database = open_database(argv[5]);
  run(database,
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
      "PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 4000;"
      "CREATE TABLE orders (id TEXT PRIMARY KEY, events INTEGER NOT NULL, bytes INTEGER NOT NULL)"
      "  WITHOUT ROWID;"
      "CREATE TABLE checkpoints (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL);");
  int partitions = (int)number(argv[3]);
  read_model model = {
      .begin = prepare(database, "BEGIN IMMEDIATE"),
      .commit = prepare(database, "COMMIT"),
      .upsert = prepare(
          database,
          "INSERT INTO orders VALUES (?1, 1, ?2) ON CONFLICT DO UPDATE SET"
          " events = events + 1, bytes = bytes + ?2"),
      .checkpoint = prepare(
          database,
          "INSERT INTO checkpoints VALUES (?1, ?2) ON CONFLICT DO UPDATE SET position = ?2"),
      .positions = calloc((size_t)partitions, sizeof(int64_t)),
      .partitions = partitions,
  };
  int64_t events = number(argv[4]);
  double seconds = consume(argv[1], argv[2], partitions, events, 2000, apply, &model);
  report((uint64_t)events, seconds, NULL);
  return 0;
}

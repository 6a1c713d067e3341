// produce STORE BROKERS TOPIC store|memory: all events of a store, with the headers that the Swift relay gives them, until the
// last is acknowledged. With `memory` they are read and put together before the clock starts.
#include <string.h>
#include <time.h>

#include "reference.h"

typedef struct {
  int64_t acknowledged;
  int64_t refused;
} outcome;

static void on_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
  (void)client;
  outcome *all = opaque;
  if (message->err) all->refused++;
  else all->acknowledged++;
}

typedef struct {
  int32_t partition;
  int key_size, value_size, id_size, time_size, position_size, type_size;
  char *bytes;
} record;

static const char source[] = "0c4b9c1e-6a66-4a0e-9d3c-1f2f6f2a7c11";

/// All of a record's bytes, one field after the other.
static record make_record(sqlite3_stmt *row, char *bytes) {
  record r = {.partition = sqlite3_column_int(row, 2), .bytes = bytes};
  char *end = bytes;
  r.key_size = sqlite3_column_bytes(row, 8);
  memcpy(end, sqlite3_column_text(row, 8), (size_t)r.key_size);
  end += r.key_size;
  r.value_size = sqlite3_column_bytes(row, 7);
  memcpy(end, sqlite3_column_blob(row, 7), (size_t)r.value_size);
  end += r.value_size;
  const uint8_t *id = sqlite3_column_blob(row, 5);
  static const char digits[] = "0123456789abcdef";
  char *start = end;
  for (int i = 0; i < 16; i++) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *end++ = '-';
    *end++ = digits[id[i] >> 4];
    *end++ = digits[id[i] & 15];
  }
  r.id_size = (int)(end - start);
  int64_t microseconds = sqlite3_column_int64(row, 6);
  time_t seconds = microseconds / 1000000;
  struct tm parts;
  gmtime_r(&seconds, &parts);
  r.time_size = sprintf(
      end, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
      parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, (int)(microseconds % 1000000));
  end += r.time_size;
  r.position_size = sprintf(
      end, "%lld.%lld.%lld", sqlite3_column_int64(row, 3), sqlite3_column_int64(row, 0),
      sqlite3_column_int64(row, 1));
  end += r.position_size;
  r.type_size = sqlite3_column_bytes(row, 4);
  memcpy(end, sqlite3_column_text(row, 4), (size_t)r.type_size);
  return r;
}

static size_t record_size(const record *r) {
  return (size_t)(r->key_size + r->value_size + r->id_size + r->time_size + r->position_size +
                  r->type_size);
}

static void produce(rd_kafka_t *client, rd_kafka_topic_t *topic, const record *r) {
  const char *key = r->bytes, *value = key + r->key_size, *id = value + r->value_size;
  const char *time = id + r->id_size, *position = time + r->time_size;
  const char *type = position + r->position_size;
  while (1) {
    rd_kafka_headers_t *headers = rd_kafka_headers_new(7);
    rd_kafka_header_add(headers, "ce_specversion", -1, "1.0", 3);
    rd_kafka_header_add(headers, "ce_id", -1, id, r->id_size);
    rd_kafka_header_add(headers, "ce_source", -1, source, sizeof(source) - 1);
    rd_kafka_header_add(headers, "ce_type", -1, type, r->type_size);
    rd_kafka_header_add(headers, "ce_time", -1, time, r->time_size);
    rd_kafka_header_add(headers, "content-type", -1, "application/json", 16);
    rd_kafka_header_add(headers, "ce_position", -1, position, r->position_size);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(r->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, (size_t)r->key_size),
        RD_KAFKA_V_VALUE((void *)value, (size_t)r->value_size), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_END);
    if (!code) break;
    rd_kafka_headers_destroy(headers);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(code));
    rd_kafka_poll(client, 10);
  }
  rd_kafka_poll(client, 0);
}

static rd_kafka_t *make_client(const char *brokers, outcome *all) {
  char message[256];
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  const char *settings[][2] = {
      {"bootstrap.servers", brokers},
      {"acks", "all"},
      {"enable.idempotence", "true"},
      {"message.timeout.ms", "0"},
      {"linger.ms", "1"},
      {"queue.buffering.max.messages", "200000"},
      {"queue.buffering.max.kbytes", "65536"},
  };
  for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
    if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], message, sizeof(message)))
      fail(settings[i][0], message);
  }
  rd_kafka_conf_set_dr_msg_cb(conf, on_report);
  rd_kafka_conf_set_opaque(conf, all);
  rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof(message));
  if (!client) fail("producer", message);
  return client;
}

int produce_main(int argc, char **argv) {
  if (argc != 5) fail("usage", "produce STORE BROKERS TOPIC store|memory");
  int in_memory = strcmp(argv[4], "memory") == 0;
  outcome all = {0};
  rd_kafka_t *client = make_client(argv[2], &all);
  rd_kafka_topic_t *topic = rd_kafka_topic_new(client, argv[3], NULL);
  // The connection is made before the clock starts.
  const struct rd_kafka_metadata *metadata;
  if (rd_kafka_metadata(client, 0, topic, &metadata, 10000)) fail(argv[2], "no metadata");
  rd_kafka_metadata_destroy(metadata);
  sqlite3 *database = open_database(argv[1]);
  sqlite3_stmt *select = prepare(
      database,
      "SELECT e.sequence, e.version, e.partition, e.partition_sequence, e.type, e.id, e.time,"
      " e.payload, s.id FROM events e JOIN streams s ON s.key = e.stream ORDER BY e.sequence");
  record *records = NULL;
  int64_t count = 0;
  double start = now();
  char buffer[65536];
  while (sqlite3_step(select) == SQLITE_ROW) {
    record r = make_record(select, buffer);
    if (in_memory) {
      if ((count & (count - 1)) == 0)
        records = realloc(records, (size_t)(count ? count * 2 : 1) * sizeof(record));
      r.bytes = malloc(record_size(&r));
      memcpy(r.bytes, buffer, record_size(&r));
      records[count] = r;
    } else {
      produce(client, topic, &r);
    }
    count++;
  }
  if (in_memory) {
    start = now();
    for (int64_t i = 0; i < count; i++) produce(client, topic, &records[i]);
  }
  while (all.acknowledged + all.refused < count) rd_kafka_poll(client, 10);
  double seconds = now() - start;
  if (all.refused) fail("produce", "records were refused");
  report((uint64_t)count, seconds, NULL);
  rd_kafka_topic_destroy(topic);
  rd_kafka_destroy(client);
  return 0;
}

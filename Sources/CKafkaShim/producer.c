#include <stdlib.h>
#include <string.h>

#include "client.h"

/// The opaque value of the client is its log target, which is therefore the first member.
struct cks_producer {
  cks_log_target log;
  rd_kafka_t *client;
  char *topic_name;
  /// Made with the first record: a producer asks for the topics that it has handles of, and brokers may create what a
  /// producer asks for.
  rd_kafka_topic_t *topic;
  /// Where reports come in.
  rd_kafka_queue_t *queue;
  /// Reports that arrived and have not been copied out yet.
  cks_report *reports;
  size_t report_count;
  size_t report_capacity;
};

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
  (void)rk;
  cks_producer *producer = opaque;
  if (producer->report_count == producer->report_capacity) {
    producer->report_capacity = producer->report_capacity ? producer->report_capacity * 2 : 1024;
    producer->reports =
        realloc(producer->reports, producer->report_capacity * sizeof(*producer->reports));
    if (!producer->reports) abort();
  }
  producer->reports[producer->report_count++] = (cks_report){
      .tag = (uint64_t)(uintptr_t)message->_private,
      .offset = message->offset,
      .partition = message->partition,
      .code = message->err,
  };
}

/// Errors of the whole client; the ones that matter for a record come with its report.
static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
  (void)rk;
  cks_producer *producer = opaque;
  producer->log.log(
      producer->log.log_context, 4, rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

cks_producer *cks_producer_create(
    const char *topic, const cks_setting *settings, size_t count, cks_log log, void *log_context,
    cks_error *error) {
  cks_producer *producer = calloc(1, sizeof(*producer));
  if (!producer) abort();
  producer->log = (cks_log_target){.log = log, .log_context = log_context};
  rd_kafka_conf_t *conf = cks_conf(settings, count, &producer->log, error);
  if (!conf) {
    free(producer);
    return NULL;
  }
  rd_kafka_conf_set_dr_msg_cb(conf, on_report);
  rd_kafka_conf_set_error_cb(conf, on_error);
  char message[sizeof(error->message)];
  producer->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof(message));
  if (!producer->client) {
    cks_set_error(error, rd_kafka_last_error(), message);
    rd_kafka_conf_destroy(conf);
    free(producer);
    return NULL;
  }
  producer->queue = rd_kafka_queue_get_main(producer->client);
  producer->topic_name = strdup(topic);
  if (!producer->topic_name) abort();
  return producer;
}

void cks_producer_destroy(cks_producer *producer) {
  rd_kafka_purge(producer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  // Purged records still have reports, which must be served before the client can go.
  rd_kafka_flush(producer->client, 1000);
  if (producer->topic) rd_kafka_topic_destroy(producer->topic);
  rd_kafka_queue_destroy(producer->queue);
  rd_kafka_destroy(producer->client);
  free(producer->reports);
  free(producer->topic_name);
  free(producer);
}

static rd_kafka_headers_t *make_headers(const cks_record_batch *batch, const cks_record *record) {
  rd_kafka_headers_t *headers = rd_kafka_headers_new(batch->header_count);
  const cks_span *spans = batch->headers + record->first_header;
  for (size_t i = 0; i < batch->header_count; i++) {
    if (spans[i].length < 0) continue;
    rd_kafka_header_add(
        headers, batch->header_names[i], -1, batch->bytes + spans[i].offset, spans[i].length);
  }
  return headers;
}

size_t cks_producer_produce(
    cks_producer *producer, const cks_record_batch *batch, const cks_record *records, size_t count,
    cks_error *error) {
  error->code = 0;
  if (!producer->topic) {
    producer->topic = rd_kafka_topic_new(producer->client, producer->topic_name, NULL);
    if (!producer->topic) {
      cks_set_error(error, rd_kafka_last_error(), NULL);
      return 0;
    }
  }
  for (size_t i = 0; i < count; i++) {
    const cks_record *record = &records[i];
    const void *value = record->value.length < 0 ? NULL : batch->bytes + record->value.offset;
    size_t length = record->value.length < 0 ? 0 : (size_t)record->value.length;
    rd_kafka_headers_t *headers = make_headers(batch, record);
    // rd_kafka_produceva frees the headers twice where a record can't be partitioned (before 2.12.0);
    // rd_kafka_producev leaves them to its caller then.
    rd_kafka_resp_err_t code = rd_kafka_producev(
        producer->client, RD_KAFKA_V_RKT(producer->topic), RD_KAFKA_V_PARTITION(record->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(batch->bytes + record->key.offset, (size_t)record->key.length),
        RD_KAFKA_V_VALUE((void *)value, length), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE((void *)(uintptr_t)record->tag), RD_KAFKA_V_END);
    if (code) {
      rd_kafka_headers_destroy(headers);
      cks_set_error(error, code, NULL);
      return i;
    }
  }
  return count;
}

size_t cks_producer_poll(
    cks_producer *producer, int32_t timeout_ms, cks_report *reports, size_t capacity) {
  if (producer->report_count == 0) rd_kafka_poll(producer->client, timeout_ms);
  size_t count = producer->report_count < capacity ? producer->report_count : capacity;
  memcpy(reports, producer->reports, count * sizeof(*reports));
  producer->report_count -= count;
  memmove(
      producer->reports, producer->reports + count, producer->report_count * sizeof(*reports));
  return count;
}

void cks_producer_wake(cks_producer *producer) { rd_kafka_queue_yield(producer->queue); }

void cks_producer_purge(cks_producer *producer, bool in_flight) {
  int flags = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING;
  rd_kafka_purge(producer->client, in_flight ? flags | RD_KAFKA_PURGE_F_INFLIGHT : flags);
}

bool cks_producer_fatal_error(cks_producer *producer, cks_error *error) {
  char message[sizeof(error->message)];
  rd_kafka_resp_err_t code = rd_kafka_fatal_error(producer->client, message, sizeof(message));
  if (!code) return false;
  cks_set_error(error, code, message);
  error->is_fatal = true;
  return true;
}

int32_t cks_producer_partition_count(
    cks_producer *producer, const char *topic, int32_t timeout_ms, int32_t *leaderless,
    cks_error *error) {
  *leaderless = 0;
  // All topics are asked for: to name one is to have it created, on brokers that do that.
  const struct rd_kafka_metadata *metadata;
  rd_kafka_resp_err_t code = rd_kafka_metadata(producer->client, 1, NULL, &metadata, timeout_ms);
  if (code) {
    cks_set_error(error, code, NULL);
    return -1;
  }
  int32_t count = 0;
  for (int i = 0; i < metadata->topic_cnt; i++) {
    if (strcmp(metadata->topics[i].topic, topic) != 0) continue;
    count = metadata->topics[i].partition_cnt;
    if (metadata->topics[i].err) {
      cks_set_error(error, metadata->topics[i].err, NULL);
      count = -1;
      continue;
    }
    for (int32_t k = 0; k < count; k++) {
      if (metadata->topics[i].partitions[k].leader < 0) ++*leaderless;
    }
  }
  rd_kafka_metadata_destroy(metadata);
  return count;
}

rd_kafka_t *cks_producer_client(cks_producer *producer) { return producer->client; }

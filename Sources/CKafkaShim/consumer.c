#include <stdlib.h>
#include <string.h>

#include "client.h"

/// The opaque value of the client is its log target, which is therefore the first member.
struct cks_consumer {
  cks_log_target log;
  rd_kafka_t *client;
  rd_kafka_queue_t *queue;
  char *topic;
  char *header_names[CKS_MAX_HEADERS];
  size_t header_count;
  bool is_closing;
  /// A change that the rebalance callback was told of and that the caller has to answer.
  cks_assignment_change change;
  int32_t *partitions;
  size_t partition_count;
};

static void remember_change(
    cks_consumer *consumer, cks_assignment_change change,
    const rd_kafka_topic_partition_list_t *list) {
  consumer->change = change;
  free(consumer->partitions);
  consumer->partitions = calloc((size_t)list->cnt + 1, sizeof(*consumer->partitions));
  if (!consumer->partitions) abort();
  consumer->partition_count = (size_t)list->cnt;
  for (int i = 0; i < list->cnt; i++) consumer->partitions[i] = list->elems[i].partition;
}

/// Called from within rd_kafka_consumer_poll, on the caller's thread. librdkafka waits for the assign call,
/// which comes once the caller knows where to begin.
static void on_rebalance(
    rd_kafka_t *rk, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *opaque) {
  cks_consumer *consumer = opaque;
  if (consumer->is_closing) {
    rd_kafka_assign(rk, NULL);
  } else if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    remember_change(consumer, CKS_ASSIGNED, list);
  } else {
    bool lost = rd_kafka_assignment_lost(rk);
    remember_change(consumer, lost ? CKS_LOST : CKS_REVOKED, list);
  }
}

static void free_consumer(cks_consumer *consumer) {
  for (size_t i = 0; i < consumer->header_count; i++) free(consumer->header_names[i]);
  free(consumer->partitions);
  free(consumer->topic);
  free(consumer);
}

cks_consumer *cks_consumer_create(
    const char *topic, const cks_setting *settings, size_t count, const char *const *header_names,
    size_t header_count, cks_log log, void *log_context, cks_error *error) {
  cks_consumer *consumer = calloc(1, sizeof(*consumer));
  if (!consumer) abort();
  consumer->log = (cks_log_target){.log = log, .log_context = log_context};
  consumer->topic = strdup(topic);
  for (size_t i = 0; i < header_count && i < CKS_MAX_HEADERS; i++) {
    consumer->header_names[i] = strdup(header_names[i]);
    consumer->header_count++;
  }
  rd_kafka_conf_t *conf = cks_conf(settings, count, &consumer->log, error);
  if (!conf) {
    free_consumer(consumer);
    return NULL;
  }
  rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
  char message[sizeof(error->message)];
  consumer->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, message, sizeof(message));
  if (!consumer->client) {
    cks_set_error(error, rd_kafka_last_error(), message);
    rd_kafka_conf_destroy(conf);
    free_consumer(consumer);
    return NULL;
  }
  rd_kafka_poll_set_consumer(consumer->client);
  consumer->queue = rd_kafka_queue_get_consumer(consumer->client);
  return consumer;
}

void cks_consumer_destroy(cks_consumer *consumer) {
  consumer->is_closing = true;
  // A change that nobody answered would keep the client from closing.
  if (consumer->change != CKS_NO_CHANGE) rd_kafka_assign(consumer->client, NULL);
  rd_kafka_consumer_close(consumer->client);
  if (consumer->queue) rd_kafka_queue_destroy(consumer->queue);
  rd_kafka_destroy(consumer->client);
  free_consumer(consumer);
}

bool cks_consumer_subscribe(cks_consumer *consumer, cks_error *error) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, consumer->topic, RD_KAFKA_PARTITION_UA);
  rd_kafka_resp_err_t code = rd_kafka_subscribe(consumer->client, list);
  rd_kafka_topic_partition_list_destroy(list);
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

/// Reads a message's headers in one pass.
static void read_headers(
    const cks_consumer *consumer, const rd_kafka_message_t *source, cks_message *message) {
  rd_kafka_headers_t *headers;
  if (rd_kafka_message_headers(source, &headers)) return;
  const char *name;
  const void *value;
  size_t size;
  for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
    for (size_t wanted = 0; wanted < consumer->header_count; wanted++) {
      if (strcmp(name, consumer->header_names[wanted]) != 0) continue;
      message->headers[wanted] = (cks_bytes){.start = value, .length = size};
      break;
    }
  }
}

static void add_message(
    const cks_consumer *consumer, rd_kafka_message_t *source, cks_batch *batch) {
  if (batch->count == batch->capacity) {
    batch->capacity = batch->capacity ? batch->capacity * 2 : 256;
    batch->messages = realloc(batch->messages, batch->capacity * sizeof(*batch->messages));
    if (!batch->messages) abort();
  }
  cks_message *message = &batch->messages[batch->count++];
  memset(message, 0, sizeof(*message));
  message->owner = source;
  message->offset = source->offset;
  message->partition = source->partition;
  message->code = source->err;
  if (source->err) {
    message->error_message = rd_kafka_message_errstr(source);
    return;
  }
  message->key = (cks_bytes){.start = source->key, .length = source->key_len};
  message->value = (cks_bytes){.start = source->payload, .length = source->len};
  read_headers(consumer, source, message);
}

void cks_consumer_poll(
    cks_consumer *consumer, int32_t timeout_ms, size_t limit, cks_batch *batch) {
  batch->error.code = 0;
  while (batch->count < limit && consumer->change == CKS_NO_CHANGE) {
    rd_kafka_message_t *source =
        rd_kafka_consumer_poll(consumer->client, batch->count ? 0 : timeout_ms);
    if (!source) break;
    if (source->err && !source->rkt) {
      cks_set_error(&batch->error, source->err, rd_kafka_message_errstr(source));
      batch->error.is_fatal = source->err == RD_KAFKA_RESP_ERR__FATAL;
      rd_kafka_message_destroy(source);
      break;
    }
    add_message(consumer, source, batch);
  }
  batch->change = consumer->change;
  batch->partitions = consumer->partitions;
  batch->partition_count = consumer->partition_count;
}

void cks_batch_clear(cks_batch *batch) {
  for (size_t i = 0; i < batch->count; i++) rd_kafka_message_destroy(batch->messages[i].owner);
  batch->count = 0;
  batch->change = CKS_NO_CHANGE;
  batch->partitions = NULL;
  batch->partition_count = 0;
}

void cks_batch_free(cks_batch *batch) {
  cks_batch_clear(batch);
  free(batch->messages);
  batch->messages = NULL;
  batch->capacity = 0;
}

void cks_consumer_wake(cks_consumer *consumer) { rd_kafka_queue_yield(consumer->queue); }

static rd_kafka_topic_partition_list_t *make_list(
    const cks_consumer *consumer, const int32_t *partitions, const int64_t *offsets, size_t count) {
  rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
  for (size_t i = 0; i < count; i++) {
    rd_kafka_topic_partition_list_add(list, consumer->topic, partitions[i])->offset = offsets[i];
  }
  return list;
}

bool cks_consumer_assign(
    cks_consumer *consumer, const int32_t *partitions, const int64_t *offsets, size_t count,
    cks_error *error) {
  rd_kafka_topic_partition_list_t *list = make_list(consumer, partitions, offsets, count);
  rd_kafka_resp_err_t code = rd_kafka_assign(consumer->client, list);
  rd_kafka_topic_partition_list_destroy(list);
  consumer->change = CKS_NO_CHANGE;
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

bool cks_consumer_unassign(cks_consumer *consumer, cks_error *error) {
  rd_kafka_resp_err_t code = rd_kafka_assign(consumer->client, NULL);
  consumer->change = CKS_NO_CHANGE;
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

bool cks_consumer_seek(
    cks_consumer *consumer, const int32_t *partitions, const int64_t *offsets, size_t count,
    bool *done, cks_error *error) {
  rd_kafka_topic_partition_list_t *list = make_list(consumer, partitions, offsets, count);
  // Without waiting: librdkafka 2.0 does not answer a caller who waits, though it does what it was asked for.
  rd_kafka_error_t *failure = rd_kafka_seek_partitions(consumer->client, list, 0);
  for (size_t i = 0; i < count; i++) {
    rd_kafka_resp_err_t code = list->elems[i].err;
    done[i] = !failure && (!code || code == RD_KAFKA_RESP_ERR__IN_PROGRESS);
  }
  rd_kafka_topic_partition_list_destroy(list);
  return cks_take_error(error, failure);
}

bool cks_consumer_commit(
    cks_consumer *consumer, const int32_t *partitions, const int64_t *offsets, size_t count,
    cks_error *error) {
  rd_kafka_topic_partition_list_t *list = make_list(consumer, partitions, offsets, count);
  rd_kafka_resp_err_t code = rd_kafka_commit(consumer->client, list, 1);
  rd_kafka_topic_partition_list_destroy(list);
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

bool cks_consumer_offsets(
    cks_consumer *consumer, const int32_t *partitions, size_t count, bool of_end,
    int32_t timeout_ms, int64_t *offsets, cks_error *error) {
  for (size_t i = 0; i < count; i++)
    offsets[i] = of_end ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_topic_partition_list_t *list = make_list(consumer, partitions, offsets, count);
  // These two stand in for times.
  rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(consumer->client, list, timeout_ms);
  for (size_t i = 0; i < count && !code; i++) {
    code = list->elems[i].err;
    offsets[i] = list->elems[i].offset;
  }
  rd_kafka_topic_partition_list_destroy(list);
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

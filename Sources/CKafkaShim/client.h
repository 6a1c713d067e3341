// What producer and consumer share. Not part of the interface.
#ifndef CKAFKA_CLIENT_H
#define CKAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "CKafkaShim.h"

typedef struct {
  cks_log log;
  void *log_context;
} cks_log_target;

/// Fills an error in; `message` NULL stands for librdkafka's own words.
void cks_set_error(cks_error *error, rd_kafka_resp_err_t code, const char *message);

/// Fills an error in from librdkafka's error object, and frees that. True where there was none.
bool cks_take_error(cks_error *error, rd_kafka_error_t *object);

/// Settings as librdkafka takes them, with logs going to `target`, which must outlive the client.
rd_kafka_conf_t *cks_conf(
    const cks_setting *settings, size_t count, cks_log_target *target, cks_error *error);

/// The client of a producer, for calls that belong to no topic.
rd_kafka_t *cks_producer_client(cks_producer *producer);

#endif

#include "client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int32_t CKS_PARTITION_EOF = RD_KAFKA_RESP_ERR__PARTITION_EOF;
const int32_t CKS_UNKNOWN_TOPIC = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
const int32_t CKS_QUEUE_FULL = RD_KAFKA_RESP_ERR__QUEUE_FULL;
const int32_t CKS_PURGED_IN_QUEUE = RD_KAFKA_RESP_ERR__PURGE_QUEUE;
const int32_t CKS_PURGED_IN_FLIGHT = RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
const int32_t CKS_FATAL = RD_KAFKA_RESP_ERR__FATAL;
const int32_t CKS_MESSAGE_TOO_LARGE = RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
const int32_t CKS_NOT_LEADER = RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
const int32_t CKS_INVALID = RD_KAFKA_RESP_ERR__INVALID_ARG;

const char *cks_version(void) { return rd_kafka_version_str(); }

const char *cks_error_name(int32_t code) { return rd_kafka_err2name((rd_kafka_resp_err_t)code); }

const char *cks_error_words(int32_t code) { return rd_kafka_err2str((rd_kafka_resp_err_t)code); }

/// Errors after which the same call may succeed. librdkafka itself classifies only those of its
/// transactional and admin calls.
static bool is_retriable(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
      return true;
    default:
      return false;
  }
}

void cks_set_error(cks_error *error, rd_kafka_resp_err_t code, const char *message) {
  error->code = code;
  error->is_retriable = is_retriable(code);
  error->is_fatal = code == RD_KAFKA_RESP_ERR__FATAL;
  snprintf(error->message, sizeof(error->message), "%s", message ? message : rd_kafka_err2str(code));
  // Some end a line.
  error->message[strcspn(error->message, "\n")] = 0;
}

bool cks_take_error(cks_error *error, rd_kafka_error_t *object) {
  if (!object) return true;
  cks_set_error(error, rd_kafka_error_code(object), rd_kafka_error_string(object));
  if (rd_kafka_error_is_retriable(object)) error->is_retriable = true;
  if (rd_kafka_error_is_fatal(object)) error->is_fatal = true;
  rd_kafka_error_destroy(object);
  return false;
}

static void forward_log(const rd_kafka_t *rk, int level, const char *facility, const char *line) {
  // librdkafka logs while it is still being created, before it has an opaque value to give.
  cks_log_target *target = rk ? rd_kafka_opaque(rk) : NULL;
  if (target) target->log(target->log_context, level, facility, line);
}

rd_kafka_conf_t *cks_conf(
    const cks_setting *settings, size_t count, cks_log_target *target, cks_error *error) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  char message[sizeof(error->message)];
  for (size_t i = 0; i < count; i++) {
    if (rd_kafka_conf_set(conf, settings[i].name, settings[i].value, message, sizeof(message)) !=
        RD_KAFKA_CONF_OK) {
      cks_set_error(error, RD_KAFKA_RESP_ERR__INVALID_ARG, message);
      rd_kafka_conf_destroy(conf);
      return NULL;
    }
  }
  rd_kafka_conf_set_opaque(conf, target);
  rd_kafka_conf_set_log_cb(conf, forward_log);
  return conf;
}

bool cks_check_setting(cks_setting setting, cks_error *error) {
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  char message[sizeof(error->message)];
  rd_kafka_conf_res_t result =
      rd_kafka_conf_set(conf, setting.name, setting.value, message, sizeof(message));
  rd_kafka_conf_destroy(conf);
  if (result == RD_KAFKA_CONF_OK) return true;
  cks_set_error(error, RD_KAFKA_RESP_ERR__INVALID_ARG, message);
  return false;
}

void cks_known_settings(void (*each)(void *context, const char *name), void *context) {
  char *text = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&text, &size);
  if (!file) abort();
  rd_kafka_conf_properties_show(file);
  fclose(file);
  // A table of Markdown: a name is what precedes the first column's end.
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n"));) {
    size_t length = strcspn(line, " |");
    if (length == 0 || !strchr(line + length, '|') || strncmp(line, "Property", length) == 0 ||
        line[0] == '-')
      continue;
    line[length] = 0;
    each(context, line);
  }
  free(text);
}

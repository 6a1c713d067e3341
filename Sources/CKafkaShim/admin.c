#include <stdlib.h>
#include <string.h>

#include "client.h"

/// An admin call under way.
typedef struct {
  rd_kafka_t *client;
  rd_kafka_AdminOptions_t *options;
  rd_kafka_queue_t *queue;
  int32_t timeout_ms;
} admin_call;

static admin_call begin(
    cks_producer *producer, rd_kafka_admin_op_t operation, int32_t timeout_ms, bool waits) {
  char message[256];
  admin_call call = {.client = cks_producer_client(producer), .timeout_ms = timeout_ms};
  call.options = rd_kafka_AdminOptions_new(call.client, operation);
  rd_kafka_AdminOptions_set_request_timeout(call.options, timeout_ms, message, sizeof(message));
  // How long the brokers themselves may take, for the calls in which they wait for each other.
  if (waits) {
    rd_kafka_AdminOptions_set_operation_timeout(
        call.options, timeout_ms, message, sizeof(message));
  }
  call.queue = rd_kafka_queue_new(call.client);
  return call;
}

/// Waits for the answer, and frees the call. NULL where the whole call failed.
static rd_kafka_event_t *answer(admin_call *call, cks_error *error) {
  rd_kafka_event_t *event = rd_kafka_queue_poll(call->queue, call->timeout_ms + 1000);
  if (!event) {
    cks_set_error(error, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL);
  } else if (rd_kafka_event_error(event)) {
    cks_set_error(error, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    event = NULL;
  }
  rd_kafka_queue_destroy(call->queue);
  rd_kafka_AdminOptions_destroy(call->options);
  return event;
}

/// Whether all of a call's topics are as they should be; `harmless` says that one of them was that before.
static bool check_topics(
    const rd_kafka_topic_result_t **topics, size_t count, rd_kafka_resp_err_t harmless,
    cks_error *error) {
  for (size_t i = 0; i < count; i++) {
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(topics[i]);
    if (!code || code == harmless) continue;
    cks_set_error(error, code, rd_kafka_topic_result_error_string(topics[i]));
    return false;
  }
  return true;
}

bool cks_producer_create_topic(
    cks_producer *producer, const char *topic, int32_t partitions, int32_t replication_factor,
    const cks_setting *settings, size_t count, int32_t timeout_ms, cks_error *error) {
  char message[sizeof(error->message)];
  rd_kafka_NewTopic_t *new_topic =
      rd_kafka_NewTopic_new(topic, partitions, replication_factor, message, sizeof(message));
  if (!new_topic) {
    cks_set_error(error, RD_KAFKA_RESP_ERR__INVALID_ARG, message);
    return false;
  }
  for (size_t i = 0; i < count; i++) {
    rd_kafka_NewTopic_set_config(new_topic, settings[i].name, settings[i].value);
  }
  admin_call call = begin(producer, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms, true);
  rd_kafka_CreateTopics(call.client, &new_topic, 1, call.options, call.queue);
  rd_kafka_event_t *event = answer(&call, error);
  rd_kafka_NewTopic_destroy(new_topic);
  if (!event) return error->code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
  size_t results = 0;
  const rd_kafka_topic_result_t **topics =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results);
  bool done = check_topics(topics, results, RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, error);
  rd_kafka_event_destroy(event);
  return done;
}

bool cks_producer_delete_topics(
    cks_producer *producer, const char *const *topics, size_t count, int32_t timeout_ms,
    cks_error *error) {
  if (count == 0) return true;
  rd_kafka_DeleteTopic_t **deleted = calloc(count, sizeof(*deleted));
  if (!deleted) abort();
  for (size_t i = 0; i < count; i++) deleted[i] = rd_kafka_DeleteTopic_new(topics[i]);
  admin_call call = begin(producer, RD_KAFKA_ADMIN_OP_DELETETOPICS, timeout_ms, true);
  rd_kafka_DeleteTopics(call.client, deleted, count, call.options, call.queue);
  rd_kafka_event_t *event = answer(&call, error);
  rd_kafka_DeleteTopic_destroy_array(deleted, count);
  free(deleted);
  if (!event) return false;
  size_t results = 0;
  const rd_kafka_topic_result_t **all =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &results);
  bool done = check_topics(all, results, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, error);
  rd_kafka_event_destroy(event);
  return done;
}

/// All groups; NULL where a broker could not be asked.
static const struct rd_kafka_group_list *list_groups(
    cks_producer *producer, int32_t timeout_ms, cks_error *error) {
  const struct rd_kafka_group_list *groups = NULL;
  rd_kafka_resp_err_t code =
      rd_kafka_list_groups(cks_producer_client(producer), NULL, &groups, timeout_ms);
  if (!code) return groups;
  // What some brokers said is there even where others could not be asked.
  if (groups) rd_kafka_group_list_destroy(groups);
  cks_set_error(error, code, NULL);
  return NULL;
}

bool cks_producer_list_groups(
    cks_producer *producer, int32_t timeout_ms, cks_take_name take, void *context,
    cks_error *error) {
  const struct rd_kafka_group_list *groups = list_groups(producer, timeout_ms, error);
  if (!groups) return false;
  for (int i = 0; i < groups->group_cnt; i++) take(context, groups->groups[i].group);
  rd_kafka_group_list_destroy(groups);
  return true;
}

static bool delete_groups(
    cks_producer *producer, rd_kafka_DeleteGroup_t **groups, size_t count, int32_t timeout_ms,
    cks_error *error) {
  admin_call call = begin(producer, RD_KAFKA_ADMIN_OP_DELETEGROUPS, timeout_ms, false);
  rd_kafka_DeleteGroups(call.client, groups, count, call.options, call.queue);
  rd_kafka_event_t *event = answer(&call, error);
  if (!event) return false;
  size_t results = 0;
  const rd_kafka_group_result_t **all =
      rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &results);
  bool done = true;
  for (size_t i = 0; i < results && done; i++) {
    const rd_kafka_error_t *failure = rd_kafka_group_result_error(all[i]);
    if (!failure || rd_kafka_error_code(failure) == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) continue;
    cks_set_error(error, rd_kafka_error_code(failure), rd_kafka_error_string(failure));
    done = false;
  }
  rd_kafka_event_destroy(event);
  return done;
}

bool cks_producer_delete_groups(
    cks_producer *producer, const char *const *groups, size_t count, int32_t timeout_ms,
    cks_error *error) {
  if (count == 0) return true;
  // Where brokers don't know the request, librdkafka aborts (seen with 2.0.2, in its error path). Those that don't list
  // groups don't either; and what is not there need not be deleted.
  const struct rd_kafka_group_list *there = list_groups(producer, timeout_ms, error);
  if (!there) return false;
  rd_kafka_DeleteGroup_t **deleted = calloc(count, sizeof(*deleted));
  if (!deleted) abort();
  size_t found = 0;
  for (size_t i = 0; i < count; i++) {
    for (int k = 0; k < there->group_cnt; k++) {
      if (strcmp(there->groups[k].group, groups[i]) != 0) continue;
      deleted[found++] = rd_kafka_DeleteGroup_new(groups[i]);
      break;
    }
  }
  rd_kafka_group_list_destroy(there);
  bool done = found == 0 || delete_groups(producer, deleted, found, timeout_ms, error);
  rd_kafka_DeleteGroup_destroy_array(deleted, found);
  free(deleted);
  return done;
}

bool cks_producer_delete_records(
    cks_producer *producer, const char *topic, const int64_t *offsets, size_t count,
    int32_t timeout_ms, cks_error *error) {
  rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new((int)count);
  for (size_t i = 0; i < count; i++) {
    rd_kafka_topic_partition_list_add(before, topic, (int32_t)i)->offset = offsets[i];
  }
  rd_kafka_DeleteRecords_t *deleted = rd_kafka_DeleteRecords_new(before);
  rd_kafka_topic_partition_list_destroy(before);
  admin_call call = begin(producer, RD_KAFKA_ADMIN_OP_DELETERECORDS, timeout_ms, true);
  rd_kafka_DeleteRecords(call.client, &deleted, 1, call.options, call.queue);
  rd_kafka_event_t *event = answer(&call, error);
  rd_kafka_DeleteRecords_destroy(deleted);
  if (!event) return false;
  const rd_kafka_topic_partition_list_t *results =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
  bool done = true;
  for (int i = 0; i < results->cnt && done; i++) {
    if (!results->elems[i].err) continue;
    cks_set_error(error, results->elems[i].err, NULL);
    done = false;
  }
  rd_kafka_event_destroy(event);
  return done;
}

/// Copies the value of a topic's setting out of the answer to a request for its configuration.
static bool copy_setting(
    rd_kafka_event_t *event, const char *name, char *value, size_t capacity, cks_error *error) {
  size_t count = 0;
  const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
  const rd_kafka_ConfigResource_t **resources =
      result ? rd_kafka_DescribeConfigs_result_resources(result, &count) : NULL;
  if (count == 0) {
    cks_set_error(error, RD_KAFKA_RESP_ERR__BAD_MSG, "the broker told nothing of the topic");
    return false;
  }
  rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resources[0]);
  if (code) {
    cks_set_error(error, code, rd_kafka_ConfigResource_error_string(resources[0]));
    return false;
  }
  const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  for (size_t i = 0; i < count; i++) {
    const char *found = rd_kafka_ConfigEntry_value(entries[i]);
    if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) != 0 || !found) continue;
    if (strlen(found) >= capacity) break;
    memcpy(value, found, strlen(found) + 1);
    return true;
  }
  cks_set_error(error, RD_KAFKA_RESP_ERR__NOENT, "the broker does not tell the setting");
  return false;
}

bool cks_producer_topic_setting(
    cks_producer *producer, const char *topic, const char *name, int32_t timeout_ms, char *value,
    size_t capacity, cks_error *error) {
  rd_kafka_ConfigResource_t *resource =
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
  admin_call call = begin(producer, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms, false);
  rd_kafka_DescribeConfigs(call.client, &resource, 1, call.options, call.queue);
  rd_kafka_event_t *event = answer(&call, error);
  rd_kafka_ConfigResource_destroy(resource);
  if (!event) return false;
  bool done = copy_setting(event, name, value, capacity, error);
  rd_kafka_event_destroy(event);
  return done;
}

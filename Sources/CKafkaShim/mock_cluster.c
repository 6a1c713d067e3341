#include "client.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

struct cks_mock_cluster {
  rd_kafka_t *client;
  rd_kafka_mock_cluster_t *cluster;
};

cks_mock_cluster *cks_mock_cluster_create(int32_t brokers, cks_error *error) {
  cks_mock_cluster *mock = calloc(1, sizeof(*mock));
  if (!mock) abort();
  char message[sizeof(error->message)];
  // The cluster lives in a client that is used for nothing else, and that has nothing to say.
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, NULL);
  mock->client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof(message));
  if (!mock->client) {
    cks_set_error(error, rd_kafka_last_error(), message);
    rd_kafka_conf_destroy(conf);
    free(mock);
    return NULL;
  }
  mock->cluster = rd_kafka_mock_cluster_new(mock->client, brokers);
  if (!mock->cluster) {
    cks_set_error(error, RD_KAFKA_RESP_ERR__FAIL, "the cluster's brokers could not be started");
    rd_kafka_destroy(mock->client);
    free(mock);
    return NULL;
  }
  return mock;
}

const char *cks_mock_cluster_bootstrap_servers(cks_mock_cluster *mock) {
  return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

bool cks_mock_cluster_create_topic(
    cks_mock_cluster *mock, const char *topic, int32_t partitions, int32_t replication_factor,
    cks_error *error) {
  rd_kafka_resp_err_t code =
      rd_kafka_mock_topic_create(mock->cluster, topic, partitions, replication_factor);
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

bool cks_mock_cluster_set_broker_up(
    cks_mock_cluster *mock, int32_t broker, bool up, cks_error *error) {
  rd_kafka_resp_err_t code = up ? rd_kafka_mock_broker_set_up(mock->cluster, broker)
                                : rd_kafka_mock_broker_set_down(mock->cluster, broker);
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

bool cks_mock_cluster_set_rtt(
    cks_mock_cluster *mock, int32_t broker, int32_t milliseconds, cks_error *error) {
  rd_kafka_resp_err_t code = rd_kafka_mock_broker_set_rtt(mock->cluster, broker, milliseconds);
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

bool cks_mock_cluster_set_leader(
    cks_mock_cluster *mock, const char *topic, int32_t partition, int32_t broker,
    cks_error *error) {
  rd_kafka_resp_err_t code =
      rd_kafka_mock_partition_set_leader(mock->cluster, topic, partition, broker);
  if (code) cks_set_error(error, code, NULL);
  return !code;
}

void cks_mock_cluster_fail_requests(
    cks_mock_cluster *mock, int16_t api_key, int32_t code, size_t count) {
  for (size_t i = 0; i < count; i++) {
    rd_kafka_mock_push_request_errors(
        mock->cluster, api_key, 1, (rd_kafka_resp_err_t)code);
  }
}

void cks_mock_cluster_destroy(cks_mock_cluster *mock) {
  rd_kafka_mock_cluster_destroy(mock->cluster);
  rd_kafka_destroy(mock->client);
  free(mock);
}

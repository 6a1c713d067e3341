// Drives the shim through everything that it does, against the development cluster, for tools such as valgrind that
// watch its memory. It exits with 0 where all of it worked.
#include <CKafkaShim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTITIONS = 2, RECORDS = 500 };

static const char *const header_names[] = {"ce_id", "ce_source", "ce_missing"};

static void on_log(void *context, int32_t level, const char *facility, const char *line) {
  (void)context;
  if (level <= 3) fprintf(stderr, "%s: %s\n", facility, line);
}

static void fail(const char *what, const cks_error *error) {
  fprintf(stderr, "%s: %s\n", what, error ? error->message : "not as expected");
  exit(1);
}

static void on_group(void *context, const char *name) {
  (void)name;
  ++*(int *)context;
}

/// The development cluster has no admin calls: each is refused, or not answered in time. But for the one that deletes records:
/// librdkafka 2.0 loses 176 bytes where brokers don't know it.
static void administrate(cks_producer *producer) {
  const char *const names[] = {"none"};
  int groups = 0;
  cks_error error = {0};
  if (cks_producer_delete_topics(producer, names, 1, 500, &error)) fail("topics deleted", NULL);
  if (cks_producer_delete_groups(producer, names, 1, 500, &error)) fail("groups deleted", NULL);
  if (cks_producer_list_groups(producer, 500, on_group, &groups, &error) || groups)
    fail("groups listed", NULL);
  if (!cks_producer_delete_topics(producer, names, 0, 500, &error)) fail("no topics", &error);
}

static void produce(const char *brokers) {
  cks_error error = {0};
  cks_setting bad[] = {{"no.such.setting", "1"}};
  if (cks_producer_create("check", bad, 1, on_log, NULL, &error)) fail("a wrong setting", NULL);
  cks_setting settings[] = {{"bootstrap.servers", brokers}, {"linger.ms", "1"}};
  cks_producer *producer = cks_producer_create("check", settings, 2, on_log, NULL, &error);
  if (!producer) fail("create a producer", &error);
  int32_t leaderless = -1;
  if (cks_producer_partition_count(producer, "check", 5000, &leaderless, &error) != PARTITIONS ||
      leaderless)
    fail("the topic's partitions", &error);
  if (cks_producer_partition_count(producer, "none", 5000, &leaderless, &error) != 0)
    fail("a topic that is not there", &error);
  administrate(producer);

  uint8_t bytes[64] = "keyvalueid-1store-1";
  cks_span headers[] = {{8, 4}, {12, 7}};
  cks_record_batch batch = {
      .bytes = bytes, .header_names = header_names, .headers = headers, .header_count = 2};
  cks_record records[RECORDS];
  for (int i = 0; i < RECORDS; i++) {
    records[i] = (cks_record){
        .tag = (uint64_t)i + 1, .partition = i % PARTITIONS, .key = {0, 3},
        .value = {3, i % 7 == 0 ? -1 : 5}, .first_header = 0};
  }
  size_t taken = cks_producer_produce(producer, &batch, records, RECORDS, &error);
  if (taken != RECORDS) fail("produce", &error);
  // A partition that the topic does not have: refused at once, or in its report.
  cks_record wrong = records[0];
  wrong.partition = 99;
  size_t expected = RECORDS + cks_producer_produce(producer, &batch, &wrong, 1, &error);
  size_t reported = 0, acknowledged = 0;
  cks_report reports[64];
  for (int round = 0; round < 600 && reported < expected; round++) {
    // The first poll returns at once, with nothing.
    if (round == 0) cks_producer_wake(producer);
    size_t count = cks_producer_poll(producer, 100, reports, 64);
    for (size_t i = 0; i < count; i++) acknowledged += reports[i].code == 0;
    reported += count;
  }
  if (acknowledged != RECORDS) fail("the acknowledgements", NULL);
  if (cks_producer_fatal_error(producer, &error)) fail("a fatal error", &error);
  // Some are still on their way when the producer goes.
  if (cks_producer_produce(producer, &batch, records, 100, &error) != 100) fail("produce", &error);
  cks_producer_destroy(producer);
}

static void consume(const char *brokers) {
  cks_error error = {0};
  cks_setting settings[] = {
      {"bootstrap.servers", brokers},
      {"group.id", "check"},
      {"session.timeout.ms", "4000"},
      {"enable.auto.commit", "false"},
      {"auto.offset.reset", "error"},
      {"enable.partition.eof", "true"},
  };
  cks_consumer *consumer = cks_consumer_create(
      "check", settings, sizeof(settings) / sizeof(*settings), header_names, 3, on_log, NULL,
      &error);
  if (!consumer) fail("create a consumer", &error);
  if (!cks_consumer_subscribe(consumer, &error)) fail("subscribe", &error);
  cks_batch batch = {0};
  size_t received = 0, ends = 0, assignments = 0;
  for (int round = 0; round < 600 && ends < PARTITIONS; round++) {
    cks_consumer_poll(consumer, 100, 100, &batch);
    for (size_t i = 0; i < batch.count; i++) {
      const cks_message *message = &batch.messages[i];
      if (message->code == CKS_PARTITION_EOF) {
        ends++;
      } else if (message->code == 0) {
        received++;
        if (message->headers[1].length != 7 || message->headers[2].start)
          fail("a record's headers", NULL);
      }
    }
    cks_assignment_change change = batch.change;
    cks_batch_clear(&batch);
    if (change == CKS_ASSIGNED) {
      int32_t partitions[PARTITIONS];
      int64_t offsets[PARTITIONS];
      int64_t ends[PARTITIONS];
      for (int32_t p = 0; p < PARTITIONS; p++) partitions[p] = p;
      if (!cks_consumer_offsets(consumer, partitions, PARTITIONS, false, 5000, offsets, &error) ||
          !cks_consumer_offsets(consumer, partitions, PARTITIONS, true, 5000, ends, &error))
        fail("offsets", &error);
      if (!cks_consumer_assign(consumer, partitions, offsets, PARTITIONS, &error))
        fail("assign", &error);
      assignments++;
      cks_consumer_wake(consumer);
    } else if (change != CKS_NO_CHANGE && !cks_consumer_unassign(consumer, &error)) {
      fail("unassign", &error);
    }
  }
  if (ends < PARTITIONS || received < RECORDS || assignments == 0) fail("what was consumed", NULL);
  int32_t partition = 0;
  int64_t offset = 10;
  bool done = false;
  if (!cks_consumer_seek(consumer, &partition, &offset, 1, &done, &error) || !done)
    fail("seek", &error);
  int64_t again = -1;
  for (int round = 0; round < 600 && again < 0; round++) {
    cks_consumer_poll(consumer, 100, 1, &batch);
    if (batch.count > 0 && batch.messages[0].code == 0) again = batch.messages[0].offset;
    cks_batch_clear(&batch);
  }
  if (again != offset) fail("what was consumed after a seek", NULL);
  if (!cks_consumer_commit(consumer, &partition, &offset, 1, &error)) fail("commit", &error);
  cks_batch_free(&batch);
  cks_consumer_destroy(consumer);
}

int main(void) {
  cks_keep_little_memory();
  cks_error error = {0};
  cks_mock_cluster *cluster = cks_mock_cluster_create(2, &error);
  if (!cluster) fail("start the cluster", &error);
  if (!cks_mock_cluster_create_topic(cluster, "check", PARTITIONS, 1, &error))
    fail("create the topic", &error);
  cks_mock_cluster_fail_requests(cluster, 0, 7, 1);
  if (!cks_mock_cluster_set_leader(cluster, "check", 0, 2, &error)) fail("move a leader", &error);
  if (!cks_mock_cluster_set_rtt(cluster, 1, 5, &error)) fail("delay a broker", &error);
  const char *brokers = cks_mock_cluster_bootstrap_servers(cluster);
  produce(brokers);
  consume(brokers);
  if (!cks_mock_cluster_set_broker_up(cluster, 1, false, &error)) fail("take a broker down", &error);
  cks_mock_cluster_destroy(cluster);
  printf("librdkafka %s: all of the shim worked\n", cks_version());
  return 0;
}

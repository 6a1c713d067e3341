/// A narrow interface to librdkafka: the only place in this package that calls it.
///
/// Handles are opaque and belong to whoever created them. A handle is used from one thread at a time, except
/// where a function says otherwise. Pointers inside a batch are valid until the batch is cleared.
#ifndef CKAFKA_SHIM_H
#define CKAFKA_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What went wrong. `code` is librdkafka's, 0 for nothing.
typedef struct {
  int32_t code;
  /// Trying again may help.
  bool is_retriable;
  /// The client is of no further use: destroy it and create another.
  bool is_fatal;
  char message[512];
} cks_error;

/// A librdkafka setting; both strings end with a zero byte.
typedef struct {
  const char *_Nonnull name;
  const char *_Nonnull value;
} cks_setting;

/// Takes a line of librdkafka's log. `level` is syslog's: 0 emergency … 7 debug. Called from librdkafka's
/// own threads, until the client is destroyed.
typedef void (*cks_log)(
    void *_Nullable context, int32_t level, const char *_Nonnull facility, const char *_Nonnull line);

/// librdkafka's version, as `2.0.2`.
const char *_Nonnull cks_version(void);

/// librdkafka's name for an error code, as `_ALL_BROKERS_DOWN`.
const char *_Nonnull cks_error_name(int32_t code);

/// What an error code means, as `Broker: Message size too large`.
const char *_Nonnull cks_error_words(int32_t code);

/// Whether librdkafka knows a setting and takes its value.
bool cks_check_setting(cks_setting setting, cks_error *_Nonnull error);

/// Calls `each` with the name of each setting that librdkafka documents.
void cks_known_settings(
    void (*_Nonnull each)(void *_Nullable context, const char *_Nonnull name), void *_Nullable context);

/// Has the C library's allocator keep little of what was freed, where it is glibc's and nobody has set its variables. Call
/// it before there are other threads.
void cks_keep_little_memory(void);

// Codes that callers decide by.
extern const int32_t CKS_PARTITION_EOF;
extern const int32_t CKS_UNKNOWN_TOPIC;
extern const int32_t CKS_QUEUE_FULL;
extern const int32_t CKS_PURGED_IN_QUEUE;
extern const int32_t CKS_PURGED_IN_FLIGHT;
extern const int32_t CKS_FATAL;
extern const int32_t CKS_MESSAGE_TOO_LARGE;
extern const int32_t CKS_NOT_LEADER;
extern const int32_t CKS_INVALID;

// MARK: - Producer

typedef struct cks_producer cks_producer;

/// Part of a batch's bytes. A negative length stands for nothing at all.
typedef struct {
  uint32_t offset;
  int32_t length;
} cks_span;

/// A record to produce, as places in the batch's bytes.
typedef struct {
  int32_t partition;
  /// Comes back in the delivery report.
  uint64_t tag;
  cks_span key;
  /// Nothing at all for a tombstone.
  cks_span value;
  /// Index of the record's first header value in the batch's spans, one for each of the batch's names.
  uint32_t first_header;
} cks_record;

/// Records that share their headers' names. `headers` holds the values' places.
typedef struct {
  const uint8_t *_Nonnull bytes;
  const cks_span *_Nonnull headers;
  const char *_Nonnull const *_Nonnull header_names;
  size_t header_count;
} cks_record_batch;

/// The outcome of one record.
typedef struct {
  uint64_t tag;
  int64_t offset;
  int32_t partition;
  int32_t code;
} cks_report;

/// Creates a producer for one topic; NULL where a setting is refused. No broker is asked for the topic before the first
/// record.
cks_producer *_Nullable cks_producer_create(
    const char *_Nonnull topic, const cks_setting *_Nullable settings, size_t count, cks_log _Nonnull log,
    void *_Nullable log_context, cks_error *_Nonnull error);

/// Stops the producer and frees it. Records that are not acknowledged yet are given up.
void cks_producer_destroy(cks_producer *_Nonnull producer);

/// Hands records over, in order, and returns how many were taken. Fewer than `count` with
/// `CKS_QUEUE_FULL` means that reports must be polled first.
size_t cks_producer_produce(
    cks_producer *_Nonnull producer, const cks_record_batch *_Nonnull batch,
    const cks_record *_Nonnull records, size_t count, cks_error *_Nonnull error);

/// Waits up to `timeout_ms` for delivery reports, and copies up to `capacity` of them.
/// It may run on a thread of its own, beside `cks_producer_produce`.
size_t cks_producer_poll(
    cks_producer *_Nonnull producer, int32_t timeout_ms, cks_report *_Nonnull reports, size_t capacity);

/// Makes a poll that waits, or the next one, return at once. Any thread may call it.
void cks_producer_wake(cks_producer *_Nonnull producer);

/// Gives records up that were not sent yet, and with `in_flight` those that wait for an acknowledgement too: their reports say
/// so. It does not wait for that. Any thread may call it.
void cks_producer_purge(cks_producer *_Nonnull producer, bool in_flight);

/// The error that made the producer useless, where there is one.
bool cks_producer_fatal_error(cks_producer *_Nonnull producer, cks_error *_Nonnull error);

/// How many partitions a topic has; 0 where it does not exist, -1 for an error. The topic is not created by
/// asking. `leaderless` gets how many of them have no leader.
int32_t cks_producer_partition_count(
    cks_producer *_Nonnull producer, const char *_Nonnull topic, int32_t timeout_ms,
    int32_t *_Nonnull leaderless, cks_error *_Nonnull error);

/// What a topic's configuration says of `name`, as text of at most `capacity` bytes with its zero byte. It waits up to
/// `timeout_ms`, since brokers without this call never answer.
bool cks_producer_topic_setting(
    cks_producer *_Nonnull producer, const char *_Nonnull topic, const char *_Nonnull name,
    int32_t timeout_ms, char *_Nonnull value, size_t capacity, cks_error *_Nonnull error);

/// Creates a topic; true also where it exists already.
bool cks_producer_create_topic(
    cks_producer *_Nonnull producer, const char *_Nonnull topic, int32_t partitions,
    int32_t replication_factor, const cks_setting *_Nullable settings, size_t count, int32_t timeout_ms,
    cks_error *_Nonnull error);

// MARK: - Administration

/// Deletes topics; true also for those that do not exist. The producer must have sent nothing to them.
bool cks_producer_delete_topics(
    cks_producer *_Nonnull producer, const char *_Nonnull const *_Nonnull topics, size_t count,
    int32_t timeout_ms, cks_error *_Nonnull error);

/// Deletes consumer groups with their offsets; true also for those that do not exist. One that has members is not deleted.
bool cks_producer_delete_groups(
    cks_producer *_Nonnull producer, const char *_Nonnull const *_Nonnull groups, size_t count,
    int32_t timeout_ms, cks_error *_Nonnull error);

/// Deletes a topic's records before the given offsets, one for each partition from 0.
bool cks_producer_delete_records(
    cks_producer *_Nonnull producer, const char *_Nonnull topic, const int64_t *_Nonnull offsets,
    size_t count, int32_t timeout_ms, cks_error *_Nonnull error);

/// Takes a consumer group's name.
typedef void (*cks_take_name)(void *_Nullable context, const char *_Nonnull name);

/// Hands the names of all consumer groups to `take`, before it returns.
bool cks_producer_list_groups(
    cks_producer *_Nonnull producer, int32_t timeout_ms, cks_take_name _Nonnull take,
    void *_Nullable context, cks_error *_Nonnull error);

// MARK: - Consumer

typedef struct cks_consumer cks_consumer;

/// Bytes that librdkafka holds. `start` is NULL for nothing at all.
typedef struct {
  const uint8_t *_Nullable start;
  size_t length;
} cks_bytes;

enum { CKS_MAX_HEADERS = 13 };

/// A record that was consumed, or an error in its place where `code` is not 0.
typedef struct {
  int64_t offset;
  int32_t partition;
  int32_t code;
  cks_bytes key;
  cks_bytes value;
  /// The values of the headers named at creation, in that order; nothing where a record lacks one.
  cks_bytes headers[CKS_MAX_HEADERS];
  /// An error's words, with the record's place.
  const char *_Nullable error_message;
  void *_Nonnull owner;
} cks_message;

/// What happened to the consumer's assignment. It must be answered by `cks_consumer_assign` or
/// `cks_consumer_unassign` before anything else is consumed.
typedef enum {
  CKS_NO_CHANGE = 0,
  CKS_ASSIGNED,
  CKS_REVOKED,
  /// The assignment was lost: somebody else may have it already.
  CKS_LOST,
} cks_assignment_change;

/// What a poll gave.
typedef struct {
  cks_message *_Nullable messages;
  size_t count;
  cks_assignment_change change;
  /// The partitions of the change.
  int32_t *_Nullable partitions;
  size_t partition_count;
  /// The client's last error that belongs to no partition; code 0 for none.
  cks_error error;
  size_t capacity;
} cks_batch;

/// Creates a consumer of one topic; NULL where a setting is refused. `header_names` are the headers that
/// messages come with, at most `CKS_MAX_HEADERS`.
cks_consumer *_Nullable cks_consumer_create(
    const char *_Nonnull topic, const cks_setting *_Nullable settings, size_t count,
    const char *_Nonnull const *_Nonnull header_names, size_t header_count, cks_log _Nonnull log,
    void *_Nullable log_context, cks_error *_Nonnull error);

/// Leaves the group and frees the consumer.
void cks_consumer_destroy(cks_consumer *_Nonnull consumer);

/// Joins the group.
bool cks_consumer_subscribe(cks_consumer *_Nonnull consumer, cks_error *_Nonnull error);

/// Waits up to `timeout_ms` for a first message or a change of the assignment, then takes up to `limit`
/// messages that are there already. The batch must be clear.
void cks_consumer_poll(
    cks_consumer *_Nonnull consumer, int32_t timeout_ms, size_t limit, cks_batch *_Nonnull batch);

/// Gives the batch's messages back to librdkafka; the batch can be used again.
void cks_batch_clear(cks_batch *_Nonnull batch);

/// Frees the batch's own memory.
void cks_batch_free(cks_batch *_Nonnull batch);

/// Ends a poll that waits. May be called from any thread.
void cks_consumer_wake(cks_consumer *_Nonnull consumer);

/// Consumes these partitions from these offsets, and no others.
bool cks_consumer_assign(
    cks_consumer *_Nonnull consumer, const int32_t *_Nonnull partitions,
    const int64_t *_Nonnull offsets, size_t count, cks_error *_Nonnull error);

/// Consumes nothing until the next assignment.
bool cks_consumer_unassign(cks_consumer *_Nonnull consumer, cks_error *_Nonnull error);

/// Lets assigned partitions be consumed from other offsets, and tells for each whether that was begun; returns at once.
/// To assign partitions anew, again and again, would make librdkafka 2.0 abort ("rktp_started"): it stops a partition a
/// second time while the first stop is under way.
bool cks_consumer_seek(
    cks_consumer *_Nonnull consumer, const int32_t *_Nonnull partitions,
    const int64_t *_Nonnull offsets, size_t count, bool *_Nonnull done, cks_error *_Nonnull error);

/// Commits offsets to the group, for others to see; returns at once.
bool cks_consumer_commit(
    cks_consumer *_Nonnull consumer, const int32_t *_Nonnull partitions,
    const int64_t *_Nonnull offsets, size_t count, cks_error *_Nonnull error);

/// Where partitions begin, or end: `offsets` gets the first offset that each holds, or the one after its last.
///
/// It never takes longer than `timeout_ms`, which librdkafka's own call for watermarks does while a broker is away.
bool cks_consumer_offsets(
    cks_consumer *_Nonnull consumer, const int32_t *_Nonnull partitions, size_t count, bool of_end,
    int32_t timeout_ms, int64_t *_Nonnull offsets, cks_error *_Nonnull error);

// MARK: - Development cluster

typedef struct cks_mock_cluster cks_mock_cluster;

/// Starts librdkafka's mock cluster in this process, on free ports of 127.0.0.1.
cks_mock_cluster *_Nullable cks_mock_cluster_create(int32_t brokers, cks_error *_Nonnull error);

/// The cluster's bootstrap servers; valid until it is destroyed.
const char *_Nonnull cks_mock_cluster_bootstrap_servers(cks_mock_cluster *_Nonnull cluster);

/// Creates a topic.
bool cks_mock_cluster_create_topic(
    cks_mock_cluster *_Nonnull cluster, const char *_Nonnull topic, int32_t partitions,
    int32_t replication_factor, cks_error *_Nonnull error);

/// Takes a broker down, or brings it up again. Brokers count from 1.
bool cks_mock_cluster_set_broker_up(
    cks_mock_cluster *_Nonnull cluster, int32_t broker, bool up, cks_error *_Nonnull error);

/// Delays all answers of a broker, or of all brokers where it is -1.
bool cks_mock_cluster_set_rtt(
    cks_mock_cluster *_Nonnull cluster, int32_t broker, int32_t milliseconds,
    cks_error *_Nonnull error);

/// Makes a broker the leader of a partition.
bool cks_mock_cluster_set_leader(
    cks_mock_cluster *_Nonnull cluster, const char *_Nonnull topic, int32_t partition,
    int32_t broker, cks_error *_Nonnull error);

/// Makes the next requests of a kind fail with an error of the protocol.
void cks_mock_cluster_fail_requests(
    cks_mock_cluster *_Nonnull cluster, int16_t api_key, int32_t code, size_t count);

/// Stops the cluster and frees it.
void cks_mock_cluster_destroy(cks_mock_cluster *_Nonnull cluster);

#ifdef __cplusplus
}
#endif

#endif

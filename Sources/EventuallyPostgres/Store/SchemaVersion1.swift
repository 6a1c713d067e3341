/// The first version of an event store's tables and functions. A text never changes once stores have been made with it: what is to
/// be different comes in a further version. One statement a paragraph.
///
/// No row on the way of an append is ever updated: a row that is updated often becomes slow beside somebody's open snapshot, which
/// keeps all its versions. A stream's version, last event and size are the last row of the index `events_by_stream`.
enum SchemaVersion1 {
  static let tables = """
    CREATE TABLE store (
      only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      store_id       uuid    NOT NULL,
      partitions     integer NOT NULL CHECK (partitions BETWEEN 1 AND 10000),
      schema_version integer NOT NULL,
      copied_to      text,
      copying        boolean NOT NULL DEFAULT false
    )

    COMMENT ON TABLE  store IS 'What this event store is.'

    COMMENT ON COLUMN store.only_row IS 'Always true: the table has one row.'

    COMMENT ON COLUMN store.store_id IS 'Tells this store from every other; a copy has the same.'

    COMMENT ON COLUMN store.partitions IS 'How many partitions the streams are divided among; never changes.'

    COMMENT ON COLUMN store.schema_version IS 'Version of these tables and functions; a program refuses a newer one.'

    COMMENT ON COLUMN store.copied_to IS 'Where the store was moved to: it takes no appends any more.'

    COMMENT ON COLUMN store.copying IS 'An unfinished copy of another store: nobody may write to it.'

    CREATE TABLE append_lock (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row))

    INSERT INTO append_lock DEFAULT VALUES

    COMMENT ON TABLE append_lock IS 'One row, locked and never changed by whoever gives events their numbers, until its transaction is committed: so numbers have no gaps and are in the order of commits.'

    COMMENT ON COLUMN append_lock.only_row IS 'Always true: the table has one row.'

    CREATE TABLE streams (
      key       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id        text COLLATE "C" NOT NULL UNIQUE CHECK (octet_length(id) BETWEEN 1 AND 512),
      partition integer NOT NULL
    )

    COMMENT ON TABLE  streams IS 'Every stream that ever began. A row never changes, and stays when the stream is removed.'

    COMMENT ON COLUMN streams.key IS 'What other tables call it.'

    COMMENT ON COLUMN streams.id IS 'The name, as on the bus: <category>/<id>, or the id alone in the unnamed category.'

    COMMENT ON COLUMN streams.partition IS 'murmur2(id) & 0x7fffffff % partitions, as Kafka''s Java client.'

    CREATE TABLE events (
      sequence         bigint      NOT NULL PRIMARY KEY,
      stream           bigint      NOT NULL,
      version          bigint      NOT NULL,
      partition_offset bigint      NOT NULL,
      time             timestamptz NOT NULL,
      stream_bytes     bigint      NOT NULL,
      partition        integer     NOT NULL,
      is_erased        boolean     NOT NULL DEFAULT false,
      id               uuid        NOT NULL,
      type             text COLLATE "C" NOT NULL,
      payload          bytea       NOT NULL,
      metadata         bytea
    )

    COMMENT ON TABLE  events IS 'All events, in order. Rows are only added; a removal of a stream empties its events'' rows. The view log is for people.'

    COMMENT ON COLUMN events.sequence IS 'Position in the whole store: 1, 2, 3 … without a gap, in the order of commits.'

    COMMENT ON COLUMN events.stream IS 'streams.key'

    COMMENT ON COLUMN events.version IS 'Position in the stream: 1, 2, 3 … without a gap; 0 for the removal of the stream.'

    COMMENT ON COLUMN events.partition_offset IS 'Position in the partition: 1, 2, 3 … without a gap.'

    COMMENT ON COLUMN events.time IS 'When it was appended, by the clock of the writer. Order is told by sequence alone.'

    COMMENT ON COLUMN events.stream_bytes IS 'Bytes of the stream''s payloads up to this event.'

    COMMENT ON COLUMN events.partition IS 'The stream''s, as in streams.'

    COMMENT ON COLUMN events.is_erased IS 'The stream was removed: type, payload and metadata are gone.'

    COMMENT ON COLUMN events.id IS 'The event''s own id, which rises with time.'

    COMMENT ON COLUMN events.type IS 'Name of the event''s type; eventually.removed for the removal of the stream.'

    COMMENT ON COLUMN events.payload IS 'The event as its codec encodes it.'

    COMMENT ON COLUMN events.metadata IS 'What led to it, as JSON; NULL for nothing.'

    CREATE UNIQUE INDEX events_by_partition ON events (partition, partition_offset)

    CREATE UNIQUE INDEX events_by_stream ON events (stream, version) WHERE version > 0 AND NOT is_erased

    ALTER TABLE events ALTER COLUMN payload SET STORAGE EXTERNAL

    ALTER TABLE events SET (autovacuum_vacuum_insert_scale_factor = 0.02)

    CREATE TABLE idempotency_keys (
      stream   bigint NOT NULL,
      key      bytea  NOT NULL,
      sequence bigint NOT NULL,
      time     timestamptz NOT NULL,
      number   bigint,
      request  bigint,
      PRIMARY KEY (stream, key)
    ) WITH (fillfactor = 90)

    COMMENT ON TABLE  idempotency_keys IS 'Requests that were carried out, by digests of their keys. They live as long as the stream, or as the writer''s setting says.'

    COMMENT ON COLUMN idempotency_keys.stream IS 'streams.key'

    COMMENT ON COLUMN idempotency_keys.key IS 'A digest of the key that the client gave.'

    COMMENT ON COLUMN idempotency_keys.sequence IS 'The stream''s last event after the request; 0 for none.'

    COMMENT ON COLUMN idempotency_keys.time IS 'When it was carried out last.'

    COMMENT ON COLUMN idempotency_keys.number IS 'The highest number of a sender that numbers its requests.'

    COMMENT ON COLUMN idempotency_keys.request IS 'A digest of what was asked for; NULL where nobody asks.'

    CREATE TABLE snapshots (
      stream bigint PRIMARY KEY, version bigint NOT NULL, sequence bigint NOT NULL, schema_version integer NOT NULL,
      payload bytea NOT NULL
    ) WITH (fillfactor = 50)

    COMMENT ON TABLE  snapshots IS 'States of streams, to load them faster. May be deleted at any time.'

    COMMENT ON COLUMN snapshots.stream IS 'streams.key'

    COMMENT ON COLUMN snapshots.version IS 'The version of the event that the state is after.'

    COMMENT ON COLUMN snapshots.sequence IS 'The sequence number of that event.'

    COMMENT ON COLUMN snapshots.schema_version IS 'Version of the state''s encoding; the application''s.'

    COMMENT ON COLUMN snapshots.payload IS 'The state, and a digest of it.'

    CREATE TABLE erasures (
      stream bigint PRIMARY KEY, sequence bigint NOT NULL, partition_offset bigint NOT NULL,
      removed timestamptz NOT NULL, removed_xid xid8 NOT NULL, erased timestamptz
    )

    CREATE INDEX pending_erasures ON erasures (sequence) WHERE erased IS NULL

    COMMENT ON TABLE  erasures IS 'Removals of streams: of each stream the last.'

    COMMENT ON COLUMN erasures.stream IS 'streams.key'

    COMMENT ON COLUMN erasures.sequence IS 'The sequence number of the removal.'

    COMMENT ON COLUMN erasures.partition_offset IS 'The removal''s position in its partition.'

    COMMENT ON COLUMN erasures.removed IS 'When it was removed.'

    COMMENT ON COLUMN erasures.removed_xid IS 'The transaction that removed it: whoever''s snapshot is older still sees the events.'

    COMMENT ON COLUMN erasures.erased IS 'When VACUUM had gone over the tables after everybody''s older snapshots had ended; NULL before.'

    CREATE TABLE relay (
      only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
      epoch      bigint NOT NULL DEFAULT 0,
      holder     text,
      expires    timestamptz NOT NULL DEFAULT '-infinity',
      published  bigint NOT NULL DEFAULT 0,
      progress   jsonb
    ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500)

    INSERT INTO relay DEFAULT VALUES

    COMMENT ON TABLE  relay IS 'Who publishes the events, and how far they are published.'

    COMMENT ON COLUMN relay.only_row IS 'Always true: the table has one row.'

    COMMENT ON COLUMN relay.epoch IS 'Rises each time that another relay takes over; one with an older epoch changes nothing here.'

    COMMENT ON COLUMN relay.holder IS 'The process that publishes; NULL where none has the right.'

    COMMENT ON COLUMN relay.expires IS 'Until then nobody else takes over, by the server''s clock.'

    COMMENT ON COLUMN relay.published IS 'The bus has acknowledged every event up to this sequence number.'

    COMMENT ON COLUMN relay.progress IS 'Partitions that are further, and the events that hold others.'

    CREATE TABLE skips (partition integer, partition_offset bigint, decided timestamptz NOT NULL, PRIMARY KEY (partition, partition_offset))

    COMMENT ON TABLE skips IS 'Events in whose place a placeholder is published.'

    COMMENT ON COLUMN skips.partition IS 'The event''s partition.'

    COMMENT ON COLUMN skips.partition_offset IS 'Its position there.'

    COMMENT ON COLUMN skips.decided IS 'When an administrator decided that.'

    CREATE VIEW log AS
      SELECT e.sequence, s.id AS stream, e.version, e.partition, e.partition_offset, e.type, e.time, e.is_erased,
        encode(e.payload, 'escape') AS payload, encode(e.metadata, 'escape') AS metadata
      FROM events e JOIN streams s ON s.key = e.stream

    COMMENT ON VIEW log IS 'All events, for people.'

    COMMENT ON COLUMN log.sequence IS 'Position in the whole store.'

    COMMENT ON COLUMN log.stream IS 'The stream''s name.'

    COMMENT ON COLUMN log.version IS 'Position in the stream; 0 for its removal.'

    COMMENT ON COLUMN log.partition IS 'The stream''s partition.'

    COMMENT ON COLUMN log.partition_offset IS 'Position in the partition.'

    COMMENT ON COLUMN log.type IS 'Name of the event''s type.'

    COMMENT ON COLUMN log.time IS 'When it was appended.'

    COMMENT ON COLUMN log.is_erased IS 'The stream was removed: payload and metadata are gone.'

    COMMENT ON COLUMN log.payload IS 'The event as its codec encodes it; bytes that are no text are escaped.'

    COMMENT ON COLUMN log.metadata IS 'What led to it, as JSON.'
    """
}

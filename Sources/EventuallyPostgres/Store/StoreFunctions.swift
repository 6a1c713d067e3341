/// What a store's application does beside appending. It can't change a row but by these functions. One statement a paragraph.
extension SchemaVersion1 {
  static let functions = """
    CREATE FUNCTION flushed() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE v_head bigint;
    BEGIN
      SELECT coalesce(max(sequence), 0) INTO v_head FROM events;
      PERFORM pg_logical_emit_message(true, 'eventually', '');
      RETURN v_head;
    END $$

    COMMENT ON FUNCTION flushed IS 'When its transaction is committed with synchronous_commit = on, all that was visible before is durable, here and on synchronous standbys. Returns the last sequence number of that.'

    CREATE FUNCTION remove_stream(stream_id text, expected bigint, event_id uuid, at timestamptz)
    RETURNS TABLE (
      outcome "char", -- a removed, u there was nothing, c conflict
      version bigint, -- of the stream, for c
      sequence bigint, partition_offset bigint, partition integer
    )
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off AS $$
    #variable_conflict use_column
    DECLARE v streams; v_version bigint; v_head bigint; v_offset bigint;
    BEGIN
      SELECT s.* INTO v FROM streams s WHERE s.id = stream_id FOR UPDATE;
      SELECT e.version INTO v_version FROM events e
        WHERE e.stream = v.key AND e.version > 0 AND NOT e.is_erased ORDER BY e.version DESC LIMIT 1;
      v_version := coalesce(v_version, 0);
      IF expected <> v_version THEN
        RETURN QUERY SELECT 'c'::"char", v_version, NULL::bigint, NULL::bigint, NULL::integer;
        RETURN;
      END IF;
      DELETE FROM idempotency_keys k WHERE k.stream = v.key;
      IF v_version = 0 THEN
        RETURN QUERY SELECT 'u'::"char", v_version, NULL::bigint, NULL::bigint, NULL::integer;
        RETURN;
      END IF;
      DELETE FROM snapshots n WHERE n.stream = v.key;
      -- Before the append lock: it takes as long as the stream is large.
      UPDATE events e SET is_erased = true, type = '', payload = '', metadata = NULL
        WHERE e.stream = v.key AND e.version > 0 AND NOT e.is_erased;
      PERFORM set_config('synchronous_commit', 'off', true);
      PERFORM FROM append_lock WHERE only_row FOR UPDATE;
      IF (SELECT s.copied_to IS NOT NULL OR s.copying FROM store s) THEN
        RAISE 'this store was moved, or is an unfinished copy' USING ERRCODE = 'ZV002',
          DETAIL = coalesce((SELECT s.copied_to FROM store s), '');
      END IF;
      SELECT coalesce(max(e.sequence), 0) + 1 INTO v_head FROM events e;
      SELECT coalesce(max(e.partition_offset), 0) + 1 INTO v_offset FROM events e WHERE e.partition = v.partition;
      INSERT INTO events (sequence, stream, version, partition, partition_offset, time, stream_bytes, id, type, payload)
        VALUES (v_head, v.key, 0, v.partition, v_offset, at, 0, event_id, 'eventually.removed', '');
      INSERT INTO erasures AS r VALUES (v.key, v_head, v_offset, at, pg_current_xact_id(), NULL)
        ON CONFLICT (stream) DO UPDATE SET sequence = excluded.sequence, partition_offset = excluded.partition_offset,
          removed = excluded.removed, removed_xid = excluded.removed_xid, erased = NULL;
      RETURN QUERY SELECT 'a'::"char", v_version, v_head, v_offset, v.partition;
    END $$

    COMMENT ON FUNCTION remove_stream IS 'Erases a stream''s events, keys and snapshot, and adds the removal.'

    CREATE FUNCTION mark_erased(at timestamptz) RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      WITH tables AS (
        SELECT c.relfrozenxid, c.reltoastrelid FROM pg_class c
        WHERE c.oid = ANY (ARRAY['events', 'idempotency_keys', 'snapshots']::regclass[])
      ), oldest AS (
        SELECT max(age(x.xid)) AS age FROM (
          SELECT relfrozenxid AS xid FROM tables
          UNION ALL SELECT c.relfrozenxid FROM tables t JOIN pg_class c ON c.oid = t.reltoastrelid) x
      ), marked AS (
        UPDATE erasures SET erased = at FROM oldest WHERE erased IS NULL AND age(removed_xid::xid) > oldest.age RETURNING 1
      )
      SELECT (SELECT count(*) FROM erasures WHERE erased IS NULL) - (SELECT count(*) FROM marked) $$

    COMMENT ON FUNCTION mark_erased IS 'Notes of which removals nothing is left: VACUUM has gone over the tables since, and no row has a transaction as old as the removal. Returns how many are left.'

    CREATE FUNCTION probe() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
      INSERT INTO snapshots SELECT -1, 0, 0, 0, string_agg(uuid_send(gen_random_uuid()), '') FROM generate_series(1, 4096);
      RAISE 'enough' USING ERRCODE = 'ZV005';
    EXCEPTION WHEN SQLSTATE 'ZV005' THEN NULL;
    END $$

    COMMENT ON FUNCTION probe IS 'Fails where the tables can''t grow, and changes nothing.'

    CREATE FUNCTION save_snapshot(stream_id text, at_version bigint, at_sequence bigint, of_schema integer, state bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE v bigint;
    BEGIN
      SELECT s.key INTO v FROM streams s WHERE s.id = stream_id FOR UPDATE;
      INSERT INTO snapshots AS n SELECT e.stream, e.version, e.sequence, of_schema, state FROM events e
        WHERE e.sequence = at_sequence AND e.stream = v AND e.version = at_version AND NOT e.is_erased
      ON CONFLICT (stream) DO UPDATE SET version = excluded.version, sequence = excluded.sequence,
        schema_version = excluded.schema_version, payload = excluded.payload WHERE excluded.version >= n.version;
    END $$

    COMMENT ON FUNCTION save_snapshot IS 'Keeps a snapshot in place of an older one, where its event is in the stream.'

    CREATE FUNCTION sweep_keys(after_stream bigint, after_key bytea, count integer, older_than timestamptz)
    RETURNS TABLE (stream bigint, key bytea)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
    SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
    DECLARE v_stream bigint; v_key bytea;
    BEGIN
      SELECT k.stream, k.key INTO v_stream, v_key FROM idempotency_keys k WHERE (k.stream, k.key) > (after_stream, after_key)
        ORDER BY k.stream, k.key OFFSET count - 1 LIMIT 1;
      DELETE FROM idempotency_keys k WHERE (k.stream, k.key) > (after_stream, after_key)
        AND (v_stream IS NULL OR (k.stream, k.key) <= (v_stream, v_key)) AND k.number IS NULL AND k.time <= older_than;
      IF v_stream IS NOT NULL THEN RETURN QUERY SELECT v_stream, v_key; END IF;
    END $$

    COMMENT ON FUNCTION sweep_keys IS 'Goes over so many idempotency keys, deletes those that are too old, and returns the last one; nothing at the end.'

    CREATE FUNCTION heads_at(through bigint) RETURNS TABLE (partition integer, head bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
    #variable_conflict use_column
    DECLARE v_low bigint; v_high bigint; v_middle bigint; v_sequence bigint;
    BEGIN
      -- Sequence numbers rise with partition offsets, which have no gaps: bisection takes a few look-ups.
      FOR v_partition IN 0..(SELECT s.partitions - 1 FROM store s) LOOP
        v_low := 0;
        SELECT coalesce(max(e.partition_offset), 0) INTO v_high FROM events e WHERE e.partition = v_partition;
        WHILE v_low < v_high LOOP
          v_middle := v_low + (v_high - v_low + 1) / 2;
          SELECT e.sequence INTO v_sequence FROM events e
            WHERE e.partition = v_partition AND e.partition_offset = v_middle;
          IF v_sequence IS NULL THEN
            RAISE 'the event % of partition % is missing', v_middle, v_partition USING ERRCODE = 'ZV004';
          END IF;
          IF v_sequence <= through THEN v_low := v_middle; ELSE v_high := v_middle - 1; END IF;
        END LOOP;
        partition := v_partition;
        head := v_low;
        RETURN NEXT;
      END LOOP;
    END $$

    COMMENT ON FUNCTION heads_at IS 'The last partition offset that each partition had when the store''s last sequence number was through.'

    CREATE FUNCTION claim_relay(who text, for_time interval) RETURNS TABLE (epoch bigint, published bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      UPDATE relay SET epoch = relay.epoch + 1, holder = who, expires = clock_timestamp() + for_time
      WHERE expires <= clock_timestamp() RETURNING relay.epoch, relay.published $$

    COMMENT ON FUNCTION claim_relay IS 'Takes the relay''s lease where nobody has it, by the server''s clock.'

    CREATE FUNCTION renew_relay(mine bigint, for_time interval) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      WITH u AS (UPDATE relay SET expires = clock_timestamp() + for_time
        WHERE epoch = mine AND expires > clock_timestamp() RETURNING 1) SELECT EXISTS (SELECT FROM u) $$

    CREATE FUNCTION release_relay(mine bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      WITH u AS (UPDATE relay SET expires = '-infinity', holder = NULL
        WHERE epoch = mine AND holder IS NOT NULL RETURNING 1) SELECT EXISTS (SELECT FROM u) $$

    CREATE FUNCTION mark_published(mine bigint, through bigint, more jsonb) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      WITH u AS (UPDATE relay SET published = greatest(published, through), progress = more
        WHERE CASE WHEN mine IS NULL THEN expires <= clock_timestamp() ELSE epoch = mine END RETURNING 1)
      SELECT EXISTS (SELECT FROM u) $$

    COMMENT ON FUNCTION mark_published IS 'Notes how far the events are published. False: another relay has the lease, or anybody where mine is NULL.'

    CREATE FUNCTION publish_again(first bigint) RETURNS TABLE (before bigint, held_by text)
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      WITH old AS (SELECT r.published, r.holder, r.expires FROM relay r FOR UPDATE), u AS (
        UPDATE relay SET published = least(relay.published, first - 1), progress = NULL, epoch = relay.epoch + 1
        FROM old WHERE old.expires <= clock_timestamp() RETURNING 1)
      SELECT old.published, CASE WHEN NOT EXISTS (SELECT FROM u) THEN coalesce(old.holder, '') END FROM old $$

    COMMENT ON FUNCTION publish_again IS 'From a sequence number on, no event counts as published any more; held_by is set where a relay has the lease, and nothing was changed.'

    CREATE FUNCTION skip_event(of_partition integer, at_offset bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
      WITH held AS (
        SELECT e.partition, e.partition_offset FROM relay r, jsonb_array_elements(r.progress -> 'refused') x
          JOIN events e ON e.sequence = (x ->> 'sequence')::bigint
        WHERE e.partition = of_partition AND e.partition_offset = at_offset
      ), i AS (
        INSERT INTO skips SELECT held.*, clock_timestamp() FROM held ON CONFLICT DO NOTHING
      )
      SELECT EXISTS (SELECT FROM held) $$

    COMMENT ON FUNCTION skip_event IS 'Decides that a placeholder is published in the place of an event, where it holds its partition.'
    """

  /// For the role that the application connects as.
  static func grants(to application: String, on schema: String) -> [String] {
    [
      "GRANT USAGE ON SCHEMA \(schema) TO \(application)",
      """
      GRANT SELECT ON store, streams, events, idempotency_keys, snapshots, erasures, relay, skips, log
      TO \(application)
      """,
      "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA \(schema) TO \(application)",
    ]
  }
}

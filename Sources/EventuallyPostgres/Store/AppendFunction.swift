/// Appends a group of requests: one statement, which is one round trip and one transaction.
///
/// Streams are locked and everything is decided first; then come the append lock, the numbers, the insert and the commit. The server
/// has the whole group before it begins: a writer that is stopped or cut off holds no lock. Each step is a statement of its own, since
/// it has to see what others committed before the lock was got.
///
/// A plan takes each list for ten rows, and would compare all with all: no list is joined with another one, they are looked up by
/// place. The function's settings keep it from plans that were made while the tables were small.
extension SchemaVersion1 {
  static let append = """
    CREATE FUNCTION append_group(
      -- one element a request
      r_stream text[], r_partition integer[], r_expected bigint[], r_events integer[], r_round integer[],
      r_key bytea[], r_number bigint[], r_request bigint[], r_metadata bytea[], r_bytes bigint[],
      -- one element an event, in the order of requests: its request, its place in that (from 1), the bytes up to it
      e_request integer[], e_place integer[], e_bytes bigint[], e_type text[], e_id uuid[], e_payload bytea[],
      at timestamptz, max_events bigint, max_bytes bigint, key_lifetime interval
    ) RETURNS TABLE (
      request integer,      -- from 1
      outcome "char",       -- a added, u unchanged, r repeated, c conflict, k key reused, l too large
      version bigint,       -- of the event that the two below are of; of the stream, for c
      sequence bigint, partition_offset bigint,
      events bigint, bytes bigint -- of the stream, for a; as it would be, for l
    )
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path FROM CURRENT SET plan_cache_mode = force_generic_plan SET jit = off
    SET enable_seqscan = off SET enable_bitmapscan = off SET enable_mergejoin = off SET enable_hashjoin = off
    AS $$
    #variable_conflict use_column
    DECLARE
      v_head bigint; v_rounds integer; v_created text[]; v_kept text[] := '{}';
      -- one element a request of the round; none is NULL, so that each is found without walking over the others
      v_verdict "char"[]; v_row bigint[]; v_version bigint[]; v_bytes bigint[]; v_last bigint[]; v_offset bigint[];
      l_sequence bigint[]; l_offset bigint[];
    BEGIN
      IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE 'events are appended in read committed transactions' USING ERRCODE = 'ZV003';
      END IF;
      -- Streams in one order in all writers: first those that are missing, then all.
      WITH i AS (
        INSERT INTO streams (id, partition) SELECT DISTINCT ON (u.id COLLATE "C") u.id, u.partition
        FROM unnest(r_stream, r_partition) u(id, partition)
        WHERE NOT EXISTS (SELECT FROM streams s WHERE s.id = u.id) ORDER BY u.id COLLATE "C" ON CONFLICT (id) DO NOTHING RETURNING id)
      SELECT coalesce(array_agg(id), '{}') INTO v_created FROM i;
      PERFORM FROM streams s WHERE s.id = ANY (r_stream) ORDER BY s.id FOR UPDATE;
      SELECT max(x) INTO v_rounds FROM unnest(r_round) x;
      FOR v_round IN 0..v_rounds LOOP
        SELECT array_agg(v.verdict::"char" ORDER BY v.request),
          array_agg(v.stream_key ORDER BY v.request),
          array_agg(v.version ORDER BY v.request), array_agg(v.bytes ORDER BY v.request),
          array_agg(CASE WHEN v.verdict IN ('r', 'k') THEN v.first_sequence ELSE v.last_sequence END ORDER BY v.request), array_agg(v.last_offset ORDER BY v.request)
        INTO v_verdict, v_row, v_version, v_bytes, v_last, v_offset
        FROM (
          SELECT q.request, s.key AS stream_key, coalesce(l.version, 0) AS version, coalesce(l.stream_bytes, 0) AS bytes,
            coalesce(l.sequence, 0) AS last_sequence, coalesce(k.sequence, 0) AS first_sequence,
            coalesce(l.partition_offset, 0) AS last_offset,
            CASE
              WHEN q.round <> v_round THEN '-'
              WHEN k.sequence IS NOT NULL AND q.number < k.number THEN 'r'
              WHEN k.sequence IS NOT NULL AND (q.number IS NULL OR k.number IS NULL OR q.number = k.number)
                AND NOT (key_lifetime IS NOT NULL AND k.number IS NULL AND at - k.time >= key_lifetime)
                THEN CASE WHEN k.request <> q.fingerprint THEN 'k' ELSE 'r' END
              WHEN q.expected <> coalesce(l.version, 0) THEN 'c'
              WHEN q.events = 0 THEN 'u'
              WHEN coalesce(l.version, 0) + q.events > max_events OR coalesce(l.stream_bytes, 0) + q.more > max_bytes THEN 'l'
              ELSE 'a'
            END AS verdict
          FROM unnest(r_stream, r_expected, r_events, r_round, r_key, r_number, r_request, r_bytes) WITH ORDINALITY
            AS q(stream, expected, events, round, key, number, fingerprint, more, request)
          JOIN streams s ON s.id = q.stream
          LEFT JOIN LATERAL (
            SELECT e.version, e.stream_bytes, e.sequence, e.partition_offset FROM events e
            WHERE e.stream = s.key AND e.version > 0 AND NOT e.is_erased ORDER BY e.version DESC LIMIT 1
          ) l ON true
          LEFT JOIN idempotency_keys k ON k.stream = s.key AND k.key = q.key
        ) v;
        IF v_head IS NULL AND 'a' = ANY (v_verdict) THEN
          -- The lock is not held for the flush: flushed(), a transaction of its own right after, waits for that.
          PERFORM set_config('synchronous_commit', 'off', true);
          PERFORM FROM append_lock WHERE only_row FOR UPDATE;
          IF (SELECT s.copied_to IS NOT NULL OR s.copying FROM store s) THEN
            RAISE 'this store was moved, or is an unfinished copy' USING ERRCODE = 'ZV002',
              DETAIL = coalesce((SELECT s.copied_to FROM store s), '');
          END IF;
          -- A new statement, and with that a new snapshot, which sees all that was committed under the lock.
          SELECT coalesce(max(e.sequence), 0) INTO v_head FROM events e;
        END IF;
        WITH numbered AS MATERIALIZED (
          SELECT p.*, r_partition[p.request] AS partition,
            v_head + row_number() OVER (ORDER BY p.n) AS sequence,
            row_number() OVER (PARTITION BY r_partition[p.request] ORDER BY p.n) AS in_partition
          FROM unnest(e_request, e_place, e_bytes, e_type, e_id, e_payload) WITH ORDINALITY
            AS p(request, place, bytes, type, id, payload, n)
          WHERE v_verdict[p.request] = 'a'
        ), heads AS MATERIALIZED (
          SELECT d.partition, coalesce((SELECT max(e.partition_offset) FROM events e WHERE e.partition = d.partition), 0) AS head
          FROM (SELECT DISTINCT partition FROM numbered) d
        ), placed AS MATERIALIZED (
          SELECT n.*, h.head + n.in_partition AS partition_offset FROM numbered n JOIN heads h USING (partition) ORDER BY n.sequence
        ), inserted AS (
          INSERT INTO events (sequence, stream, version, partition, partition_offset, time, stream_bytes, id, type, payload, metadata)
          SELECT p.sequence, v_row[p.request], v_version[p.request] + p.place, p.partition, p.partition_offset, at,
            v_bytes[p.request] + p.bytes, p.id, p.type, p.payload, r_metadata[p.request]
          FROM placed p
        )
        SELECT array_agg(p.sequence ORDER BY p.n), array_agg(p.partition_offset ORDER BY p.n) INTO l_sequence, l_offset
        FROM placed p WHERE p.place = r_events[p.request];
        RETURN QUERY
        WITH result AS MATERIALIZED (
          SELECT u.*, count(*) FILTER (WHERE u.verdict = 'a') OVER (ORDER BY u.request) AS rank
          FROM unnest(v_verdict, v_row, v_version, v_bytes, v_last, v_offset, r_events, r_bytes, r_key, r_number, r_request) WITH ORDINALITY
            AS u(verdict, row, version, bytes, last, "offset", events, more, key, number, fingerprint, request)
        ), kept AS (
          INSERT INTO idempotency_keys AS k (stream, key, sequence, time, number, request)
          SELECT u.row, u.key, CASE u.verdict WHEN 'a' THEN l_sequence[u.rank] ELSE u.last END, at, u.number, u.fingerprint
          FROM result u WHERE u.verdict IN ('a', 'u') AND u.key IS NOT NULL
          ON CONFLICT ON CONSTRAINT idempotency_keys_pkey DO UPDATE SET sequence = excluded.sequence, time = excluded.time,
            number = excluded.number, request = excluded.request
        )
        SELECT u.request::integer, u.verdict,
          CASE u.verdict WHEN 'a' THEN u.version + u.events WHEN 'r' THEN (SELECT e.version FROM events e WHERE e.sequence = u.last)
            WHEN 'k' THEN (SELECT e.version FROM events e WHERE e.sequence = u.last) ELSE u.version END,
          CASE u.verdict WHEN 'a' THEN l_sequence[u.rank] WHEN 'c' THEN NULL WHEN 'l' THEN NULL ELSE nullif(u.last, 0) END,
          CASE u.verdict WHEN 'a' THEN l_offset[u.rank] WHEN 'u' THEN nullif(u."offset", 0)
            WHEN 'r' THEN (SELECT e.partition_offset FROM events e WHERE e.sequence = u.last)
            WHEN 'k' THEN (SELECT e.partition_offset FROM events e WHERE e.sequence = u.last) END,
          CASE WHEN u.verdict IN ('a', 'l') THEN u.version + u.events END,
          CASE WHEN u.verdict IN ('a', 'l') THEN u.bytes + u.more END
        FROM result u
        WHERE u.verdict <> '-';
        IF cardinality(v_created) > 0 THEN
          v_kept := v_kept || (SELECT coalesce(array_agg(u.id), '{}') FROM unnest(r_stream, v_verdict) u(id, verdict) WHERE u.verdict IN ('a', 'u'));
        END IF;
        -- Under the lock nobody else's numbers come in between.
        v_head := coalesce(l_sequence[cardinality(l_sequence)], v_head);
      END LOOP;
      -- A refused request leaves no stream behind.
      IF cardinality(v_created) > 0 AND NOT v_created <@ v_kept THEN
        DELETE FROM streams s WHERE s.id = ANY (v_created) AND s.id <> ALL (v_kept);
      END IF;
    END $$
    """
}

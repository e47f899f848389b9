-- How far the log can be read. The three statements see three moments, and that is the point: an event at or below a position that
-- was handed out before the first one has its writer's lock taken before the second one, which therefore either sees the lock, and
-- then the position lies above what the lock tells, or does not, and then the outcome is visible to the third one.
-- held is the smallest position above which an open transaction has drawn its own, or null.
CREATE FUNCTION {schema}.head(OUT readable bigint, OUT issued bigint, OUT held bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  SELECT CASE WHEN p.is_called THEN p.last_value ELSE 0 END INTO issued FROM {schema}.positions p;

  SELECT min((l.classid::bigint & 65535) << 32 | l.objid::bigint) INTO held
  FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid::bigint >> 16 = {store}
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());

  -- Only positions of events that are there: one that was drawn in vain could be drawn again after a crash.
  SELECT coalesce(max(e.position), 0) INTO readable FROM {schema}.events e WHERE e.position <= least(issued, held);
END $$;

-- Must be called before positions are drawn: readers stay at what was handed out so far until the transaction ends.
CREATE FUNCTION {schema}.announce() RETURNS void
LANGUAGE sql VOLATILE AS $$
  SELECT pg_advisory_xact_lock_shared({store}::bigint << 48 | coalesce(pg_sequence_last_value('{schema}.positions'), 0));
$$;

-- Appends one event without tags, which is what most appends are, and says {code, position, version}. code: 0 appended, and the version
-- is the event's; 1 the stream has that version; 2 the id is known.
-- What is only assigned costs much less than a statement; that a void is never null does not matter.
CREATE FUNCTION {schema}.append_one(
  a_stream text, a_expected bigint, a_type text, a_schema_version integer, a_event_id uuid, a_recorded_at timestamptz, a_data json,
  a_metadata json)
RETURNS bigint[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  reached bigint;
  at bigint;
  nothing boolean;
BEGIN
  nothing := pg_advisory_xact_lock({store}, hashtext(a_stream)) IS NULL;
  SELECT e.version INTO reached FROM {schema}.events e WHERE e.stream = a_stream ORDER BY e.version DESC LIMIT 1;
  reached := coalesce(reached, 0);
  IF a_expected >= 0 AND a_expected <> reached THEN
    RETURN ARRAY[1, 0, reached];
  END IF;

  nothing := pg_advisory_xact_lock_shared({store}::bigint << 48 | coalesce(pg_sequence_last_value('{schema}.positions'), 0)) IS NULL;
  INSERT INTO {schema}.events (position, stream, version, type, schema_version, event_id, recorded_at, data, metadata)
  VALUES (nextval('{schema}.positions'), a_stream, reached + 1, a_type, a_schema_version, a_event_id, a_recorded_at, a_data, a_metadata)
  ON CONFLICT (event_id) DO NOTHING
  RETURNING position INTO at;
  RETURN CASE WHEN at IS NULL THEN ARRAY[2, 0, reached] ELSE ARRAY[0, at, reached + 1] END;
END $$;

-- Appends several requests in one transaction, each all or nothing, without savepoints: what is refused is not begun.
-- A request has parts (a stream each), a part has events; requests, parts and events are numbered from 1.
-- is_group: requests of different callers, whose streams are all different; who would have to wait for a stream is told so instead,
-- because nobody shall wait for a lock that another caller's append needs.
-- codes (one a request): 0 appended, 1 another version, 2 an id is known, 3 the receipt's key is known, 4 somebody else works on
-- the stream. versions (one a part): what the stream had before. at (one an event that was appended): its position.
CREATE FUNCTION {schema}.append_many(
  is_group boolean, requests integer, part_request integer[], part_stream text[], part_expected bigint[],
  event_part integer[], event_type text[], event_schema integer[], event_id uuid[], event_data json[], event_metadata json[], event_tags json[],
  tag_event integer[], tag_key text[], tag_value text[],
  receipt_key text, receipt_fingerprint text, receipt_stream text, receipt_version bigint, receipt_refusal text,
  recorded_at timestamptz, OUT codes integer[], OUT versions bigint[], OUT at bigint[])
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  free boolean[];
  known integer;
BEGIN
  IF is_group THEN
    free := ARRAY(
      SELECT pg_try_advisory_xact_lock({store}, hashtext(u.stream)) FROM unnest(part_stream) WITH ORDINALITY u (stream, i) ORDER BY u.i);
  ELSE
    PERFORM pg_advisory_xact_lock({store}, s.hash)
    FROM (SELECT DISTINCT hashtext(u.stream) AS hash FROM unnest(part_stream) u (stream) ORDER BY 1) s;
  END IF;

  versions := ARRAY(
    SELECT coalesce((SELECT e.version FROM {schema}.events e WHERE e.stream = u.stream ORDER BY e.version DESC LIMIT 1), 0)
    FROM unnest(part_stream) WITH ORDINALITY u (stream, i) ORDER BY u.i);

  codes := array_fill(0, ARRAY[requests]);
  FOR i IN 1 .. coalesce(cardinality(part_request), 0) LOOP
    IF is_group AND NOT free[i] THEN
      codes[part_request[i]] := 4;
    ELSIF part_expected[i] >= 0 AND part_expected[i] <> versions[i] THEN
      codes[part_request[i]] := greatest(codes[part_request[i]], 1);
    END IF;
  END LOOP;
  -- In a group an id that is known is an error, after which each request is done alone.
  IF NOT is_group THEN
    FOR known IN SELECT u.i::integer FROM unnest(event_id) WITH ORDINALITY u (id, i) JOIN {schema}.events e ON e.event_id = u.id LOOP
      codes[part_request[event_part[known]]] := 2;
    END LOOP;
  END IF;
  IF receipt_key IS NOT NULL AND EXISTS (SELECT FROM {schema}.receipts r WHERE r.key = receipt_key) THEN
    codes[1] := 3;
  END IF;

  at := '{}';
  IF 0 = ANY (codes) AND cardinality(event_part) > 0 THEN
    PERFORM {schema}.announce();
    WITH inserted AS (
      INSERT INTO {schema}.events AS e (position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags)
      SELECT nextval('{schema}.positions'), o.stream, o.version, o.type, o.schema_version, o.id, append_many.recorded_at, o.data, o.metadata, o.tags
      FROM (
        SELECT part_stream[u.part] AS stream, versions[u.part] + row_number() OVER (PARTITION BY u.part ORDER BY u.i) AS version,
          u.type, u.schema_version, u.id, u.data, u.metadata, u.tags, u.i
        FROM unnest(event_part, event_type, event_schema, event_id, event_data, event_metadata, event_tags)
          WITH ORDINALITY u (part, type, schema_version, id, data, metadata, tags, i)
        WHERE codes[part_request[u.part]] = 0
        ORDER BY u.i
      ) o
      RETURNING e.position)
    SELECT coalesce(array_agg(i.position ORDER BY i.position), '{}') INTO at FROM inserted i;

    IF cardinality(tag_event) > 0 THEN
      INSERT INTO {schema}.event_tags (key, value, position)
      SELECT t.key, t.value, e.position
      FROM unnest(tag_event, tag_key, tag_value) t (i, key, value) JOIN {schema}.events e ON e.event_id = append_many.event_id[t.i]
      WHERE codes[part_request[event_part[t.i]]] = 0
      ON CONFLICT DO NOTHING;
    END IF;
  END IF;

  IF receipt_key IS NOT NULL AND codes[1] = 0 THEN
    INSERT INTO {schema}.receipts (key, fingerprint, stream, version, position, refusal, created_at)
    VALUES (
      receipt_key, receipt_fingerprint, receipt_stream,
      coalesce((
        SELECT versions[p.i] + count(*) FROM unnest(part_stream) WITH ORDINALITY p (stream, i) JOIN unnest(event_part) e (part) ON e.part = p.i
        WHERE p.stream = receipt_stream GROUP BY p.i), receipt_version),
      coalesce(at[cardinality(at)], (SELECT h.readable FROM {schema}.head() h)), receipt_refusal, append_many.recorded_at);
  END IF;
END $$;

-- Whoever appends and then stays open makes all readers wait; the server ends such a transaction, unless the session has a limit of its own.
CREATE FUNCTION {schema}.limit_idling() RETURNS void
LANGUAGE sql VOLATILE AS $$
  SELECT set_config('idle_in_transaction_session_timeout', coalesce(nullif(current_setting('headwater.append_timeout', true), ''), '30s'), true)
  WHERE current_setting('idle_in_transaction_session_timeout') = '0';
$$;

-- The outbox: appends one event in the transaction of whoever calls, in any language. Call it just before COMMIT, because readers
-- wait for a transaction that has appended until it ends.
-- expected_version: -1 any, 0 no events yet, n exactly. Returns the position.
-- Errors: HW001 the stream has another version; HW002 the event id is known with other content; 22023 an argument is wrong.
-- An id that is known with the same content changes nothing, and its position is returned.
CREATE FUNCTION {schema}.append(
  stream text, expected_version bigint, type text, data jsonb, metadata jsonb DEFAULT '{}', event_id uuid DEFAULT NULL, tags jsonb DEFAULT '{}')
RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  present bigint;
  at bigint;
  earlier {schema}.events;
  pairs json;
BEGIN
  IF stream IS NULL OR stream !~ '^[a-z][a-z0-9_]{0,63}-[^[:cntrl:]]+$' OR length(stream) > 256 THEN
    RAISE EXCEPTION 'The stream % is none: expected category-key, the category of lower-case letters, digits and underscores.', quote_nullable(append.stream)
      USING ERRCODE = '22023';
  END IF;
  IF type IS NULL OR length(append.type) NOT BETWEEN 1 AND 128 THEN
    RAISE EXCEPTION 'An event type has 1 to 128 characters, and this is %.', quote_nullable(append.type) USING ERRCODE = '22023';
  END IF;
  IF append.data IS NULL OR jsonb_typeof(append.data) = 'null' THEN
    RAISE EXCEPTION 'The event of type % for stream % has no data.', append.type, append.stream USING ERRCODE = '22023';
  END IF;
  IF coalesce(append.expected_version, -2) < -1 THEN
    RAISE EXCEPTION 'The expected version is %: expected -1 for any, 0 for no events yet, or a version.', append.expected_version USING ERRCODE = '22023';
  END IF;
  IF jsonb_typeof(coalesce(append.metadata, '{}')) <> 'object' OR jsonb_typeof(coalesce(append.tags, '{}')) <> 'object'
    OR EXISTS (SELECT FROM jsonb_each(coalesce(append.tags, '{}')) t
               WHERE jsonb_typeof(t.value) <> 'string' OR length(t.value #>> '{}') NOT BETWEEN 1 AND 256 OR length(t.key) NOT BETWEEN 1 AND 64)
    OR (SELECT count(*) FROM jsonb_object_keys(coalesce(append.tags, '{}'))) > 16 THEN
    RAISE EXCEPTION 'Metadata and tags are JSON objects, and at most 16 tags have keys of 1 to 64 and texts of 1 to 256 characters.' USING ERRCODE = '22023';
  END IF;

  PERFORM {schema}.limit_idling();

  PERFORM pg_advisory_xact_lock({store}, hashtext(append.stream));
  IF append.event_id IS NOT NULL THEN
    SELECT * INTO earlier FROM {schema}.events e WHERE e.event_id = append.event_id;
    IF FOUND THEN
      IF earlier.stream = append.stream AND earlier.type = append.type AND earlier.data::jsonb = append.data THEN
        RETURN earlier.position;
      END IF;
      RAISE EXCEPTION 'The event id % stands at position % of stream % with other content.', append.event_id, earlier.position, earlier.stream
        USING ERRCODE = 'HW002';
    END IF;
  END IF;

  present := coalesce((SELECT max(e.version) FROM {schema}.events e WHERE e.stream = append.stream), 0);
  IF append.expected_version >= 0 AND append.expected_version <> present THEN
    RAISE EXCEPTION 'The stream % has version %, and % was expected.', append.stream, present, append.expected_version
      USING ERRCODE = 'HW001', HINT = 'Read the stream again and decide anew.';
  END IF;

  IF append.tags <> '{}' THEN
    SELECT json_agg(p.text) INTO pairs
    FROM (SELECT v.text FROM jsonb_each_text(append.tags) t, LATERAL (VALUES (1, t.key), (2, t.value)) v (i, text) ORDER BY t.key, v.i) p;
  END IF;
  PERFORM {schema}.announce();
  INSERT INTO {schema}.events (position, stream, version, type, schema_version, event_id, recorded_at, data, metadata, tags)
  VALUES (
    nextval('{schema}.positions'), append.stream, present + 1, append.type, 1, coalesce(append.event_id, gen_random_uuid()), clock_timestamp(),
    append.data::json, nullif(append.metadata, '{}')::json, pairs)
  RETURNING position INTO at;
  INSERT INTO {schema}.event_tags (key, value, position)
  SELECT t.key, t.value, at FROM jsonb_each_text(coalesce(append.tags, '{}')) t;
  RETURN at;
END $$;

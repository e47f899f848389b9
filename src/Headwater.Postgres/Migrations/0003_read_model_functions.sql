-- A top-level field of a row as text: a string's characters, or a number or truth value as it stands; nothing else can be found.
-- The character U+0000 cannot be text here, so a replacement character stands for it.
CREATE FUNCTION {schema}.field(data json, name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  clean json := CASE WHEN strpos(data::text, '\u0000') > 0 THEN replace(data::text, '\u0000', '\ufffd')::json ELSE data END;
BEGIN
  RETURN CASE json_typeof(clean -> name)
    WHEN 'string' THEN clean ->> name
    WHEN 'number' THEN (clean -> name)::text
    WHEN 'boolean' THEN (clean -> name)::text
  END;
END $$;

-- Moves a checkpoint if it stands where the caller believes; false, and nothing is changed, if not.
CREATE FUNCTION {schema}.move_checkpoint(
  a_name text, from_position bigint, from_generation integer, from_fence bigint, to_position bigint,
  skipped_position bigint DEFAULT NULL, skipped_stream text DEFAULT NULL, skipped_type text DEFAULT NULL, skipped_error text DEFAULT NULL,
  skipped_at timestamptz DEFAULT NULL)
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  UPDATE {schema}.checkpoints c SET position = to_position
  WHERE c.name = a_name AND c.position = from_position AND c.generation = from_generation AND c.fence = from_fence;
  IF NOT FOUND THEN
    IF from_position <> 0 OR from_generation <> 0 OR from_fence <> 0 THEN
      RETURN false;
    END IF;
    INSERT INTO {schema}.checkpoints (name, position) VALUES (a_name, to_position) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
      RETURN false;
    END IF;
  END IF;
  IF skipped_position IS NOT NULL THEN
    INSERT INTO {schema}.skipped_events (subscription, position, stream, type, error, skipped_at)
    VALUES (a_name, skipped_position, skipped_stream, skipped_type, skipped_error, move_checkpoint.skipped_at);
  END IF;
  RETURN true;
END $$;

-- Saves a projection's rows and its checkpoint; false, and nothing is changed, if the checkpoint stands elsewhere.
CREATE FUNCTION {schema}.commit_rows(
  a_name text, from_position bigint, from_generation integer, from_fence bigint, to_position bigint,
  skipped_position bigint, skipped_stream text, skipped_type text, skipped_error text, skipped_at timestamptz,
  row_key text[], row_position bigint[], row_data json[])
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF NOT {schema}.move_checkpoint(
    a_name, from_position, from_generation, from_fence, to_position, skipped_position, skipped_stream, skipped_type, skipped_error, skipped_at) THEN
    RETURN false;
  END IF;
  IF cardinality(row_key) > 0 THEN
    INSERT INTO {schema}.rows (model, key, position, data)
    SELECT a_name, r.key, r.position, r.data FROM unnest(row_key, row_position, row_data) r (key, position, data)
    ON CONFLICT (model, key) DO UPDATE SET position = excluded.position, data = excluded.data;
  END IF;
  RETURN true;
END $$;

-- Each line must follow from the one before it, and the last signed one must be as it was signed.
-- One row for each stream; `sequence` is the first bad event.
WITH signed(stream, size, hash, pruned) AS (
  VALUES ('$stream', 0, '$hash', 0)
),
lines AS (
  SELECT
    line->>'$.mcp.audit.stream.id' AS stream,
    TRY_CAST(line->>'$.event.sequence' AS BIGINT) AS sequence,
    line->>'$.mcp.audit.chain.previous' AS stated,
    right(line, 67)[:64] AS hash,
    left(line, length(line) - 76) AS body
  FROM read_csv(
    '$paths',
    columns = {'line': 'VARCHAR'}, header = false, auto_detect = false, delim = '\x01',
    quote = '', escape = '', strict_mode = false, max_line_size = 16777216
  )
  -- A line that a killed process did not finish does not count.
  WHERE regexp_matches(right(line, 76), '^,"hash":"[0-9a-f]{64}"\}\}$') AND json_valid(line)
),
links AS MATERIALIZED (
  SELECT stream, sequence, hash, CASE WHEN stated IS NOT NULL THEN stated END AS stated
  FROM lines
),
streams AS (
  SELECT
    stream, count(*) AS events, min(sequence) AS first, max(sequence) AS last
  FROM links GROUP BY stream
),
followed AS (
  SELECT
    lines.stream, lines.sequence, before.hash IS NULL AND lines.sequence > first AS is_gap,
    lines.hash <> sha256(
      unhex(coalesce(before.hash, lines.stated, repeat('0', 64))) || encode(body || '}}')
    ) AS is_other,
    lines.stated <> before.hash AS is_false
  FROM lines
  JOIN streams USING (stream)
  LEFT JOIN links AS before
    ON before.stream = lines.stream AND before.sequence = lines.sequence - 1
),
bad(stream, sequence, word) AS (
  SELECT stream, sequence, CASE WHEN is_gap THEN 'missing' ELSE 'edited' END
  FROM followed WHERE is_gap OR is_other OR is_false
  UNION ALL
  SELECT
    stream, sequence - 0.5, CASE WHEN count(DISTINCT hash) > 1 THEN 'forked' ELSE 'duplicated' END
  FROM links GROUP BY stream, sequence HAVING count(*) > 1
  UNION ALL
  SELECT stream, first, 'missing' FROM streams LEFT JOIN signed USING (stream)
  WHERE first > 1 + coalesce(pruned, 0)
  UNION ALL
  SELECT stream, coalesce(last, 0) + 1, 'cut' FROM signed LEFT JOIN streams USING (stream)
  WHERE size > coalesce(last, 0)
  UNION ALL
  SELECT signed.stream, size, 'edited' FROM signed JOIN links USING (stream)
  WHERE links.sequence = size AND links.hash <> signed.hash
)
SELECT
  stream, events, coalesce(size, 0) AS signed,
  coalesce(
    arg_min(word, sequence),
    CASE WHEN coalesce(size, 0) < last THEN 'unsigned-tail' ELSE 'intact' END
  ) AS word,
  ceil(min(sequence))::BIGINT AS sequence
FROM streams
LEFT JOIN signed USING (stream)
LEFT JOIN bad USING (stream)
GROUP BY stream, events, size, last
UNION ALL
SELECT stream, 0, size, 'cut', 1 FROM signed ANTI JOIN streams USING (stream) WHERE size > 0
ORDER BY stream;

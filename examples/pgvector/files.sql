-- The ten files nearest to a question, each by its best chunk, as `lode search --mode dense` ranks them. All rows are
-- looked at.
SELECT path, start_line, end_line, symbol, similarity
FROM (
  SELECT DISTINCT ON (content) path, start_line, end_line, symbol, 1 - (embedding <=> :'vector') AS similarity
  FROM lode_chunks
  ORDER BY content, embedding <=> :'vector'
) AS best
ORDER BY similarity DESC
LIMIT 10;

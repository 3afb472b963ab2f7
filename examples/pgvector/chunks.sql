-- The ten chunks nearest to a question: psql -v vector="[0.1, ...]" -f chunks.sql
SELECT path, start_line, end_line, symbol, 1 - (embedding <=> :'vector') AS similarity
FROM lode_chunks
ORDER BY embedding <=> :'vector'
LIMIT 10;

-- Cleaning of rows: the function that users call, over the one in Rust that takes JSON as text.

CREATE FUNCTION crm_clean_row(record jsonb, columns jsonb DEFAULT NULL) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN crm_ai.clean_record(record::text, columns::text)::jsonb;

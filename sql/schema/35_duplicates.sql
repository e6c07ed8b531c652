-- Duplicates.

CREATE OR REPLACE FUNCTION crm_ai.dedupe(
    source regclass, key text, columns jsonb DEFAULT NULL, target text DEFAULT NULL,
    threshold double precision DEFAULT 0.95)
RETURNS @extschema@.crm_dedupe_report
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'dedupe_wrapper';
COMMENT ON FUNCTION crm_ai.dedupe IS
    'finds duplicates in a table, without labels: makes target_pairs and target_clusters';

CREATE OR REPLACE FUNCTION crm_ai.link(
    left_source regclass, right_source regclass, key text, columns jsonb DEFAULT NULL,
    target text DEFAULT NULL, threshold double precision DEFAULT 0.95,
    one_to_one boolean DEFAULT false)
RETURNS @extschema@.crm_dedupe_report
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'link_wrapper';
COMMENT ON FUNCTION crm_ai.link IS
    'finds rows of two tables that are one person: makes target_pairs and target_clusters';

CREATE OR REPLACE FUNCTION crm_ai.find_duplicates(
    target text, record jsonb, max_rows integer DEFAULT 5)
RETURNS TABLE (key text, probability double precision, evidence jsonb)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'find_duplicates_wrapper';
COMMENT ON FUNCTION crm_ai.find_duplicates IS
    'rows of a table that dedupe has searched which are probably the person of a record, best first';

CREATE OR REPLACE FUNCTION crm_ai.explain_pair(target text, left_key text, right_key text)
RETURNS TABLE (
    column_name text, left_value text, right_value text, level text, weight double precision,
    total double precision)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'explain_pair_wrapper';
COMMENT ON FUNCTION crm_ai.explain_pair IS
    'evidence that two rows are one person: the match weight of each column in bits';

CREATE OR REPLACE FUNCTION crm_ai.golden(target text, rules jsonb DEFAULT NULL)
RETURNS SETOF jsonb
LANGUAGE c STABLE PARALLEL UNSAFE COST 10000
AS 'MODULE_PATHNAME', 'golden_wrapper';
COMMENT ON FUNCTION crm_ai.golden IS
    'one best row for each cluster, by a rule for each column, with the key that each value is from';

CREATE OR REPLACE FUNCTION @extschema@.crm_similarity(a text, b text, kind text)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'crm_similarity_wrapper';
COMMENT ON FUNCTION @extschema@.crm_similarity IS
    'similarity of two texts, 0 to 1: jaro_winkler, jaro, levenshtein, damerau, jaccard, token_sort, token_set, soundex';

-- Cleaning of values, records and tables.

CREATE OR REPLACE FUNCTION @extschema@.crm_normalize_phone(raw text, region text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_normalize_phone_wrapper';
COMMENT ON FUNCTION @extschema@.crm_normalize_phone(text, text) IS
    'E.164 form of a valid phone number, else NULL; region '''' means only numbers with their country code';

CREATE OR REPLACE FUNCTION @extschema@.crm_normalize_phone(raw text)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_normalize_phone_default_wrapper';
COMMENT ON FUNCTION @extschema@.crm_normalize_phone(text) IS
    'E.164 form of a valid phone number, else NULL; region from crm_ai.default_region';

CREATE OR REPLACE FUNCTION @extschema@.crm_phone(raw text, region text)
RETURNS @extschema@.crm_phone_info
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_phone_wrapper';
COMMENT ON FUNCTION @extschema@.crm_phone IS
    'all that is known of a phone number: formats, region, kind, validity, problem';

CREATE OR REPLACE FUNCTION @extschema@.crm_find_phones(body text, region text)
RETURNS TABLE (start integer, stop integer, raw text, e164 text)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_find_phones_wrapper';
COMMENT ON FUNCTION @extschema@.crm_find_phones IS
    'phone numbers inside free text, with their positions in characters';

CREATE OR REPLACE FUNCTION @extschema@.crm_phone_digits(raw text, width integer DEFAULT 11)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_phone_digits_wrapper';
COMMENT ON FUNCTION @extschema@.crm_phone_digits IS
    'the digits of a text, left-padded with 0 to a width';

CREATE OR REPLACE FUNCTION @extschema@.crm_normalize_email(raw text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_normalize_email_wrapper';
COMMENT ON FUNCTION @extschema@.crm_normalize_email IS
    'the deliverable form of an e-mail address, else NULL';

CREATE OR REPLACE FUNCTION @extschema@.crm_email(raw text)
RETURNS @extschema@.crm_email_info
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_email_wrapper';
COMMENT ON FUNCTION @extschema@.crm_email IS
    'all that is known of an e-mail address: parts, canonical form, validity, kind of provider, problem';

CREATE OR REPLACE FUNCTION @extschema@.crm_normalize_name(raw text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_normalize_name_wrapper';
COMMENT ON FUNCTION @extschema@.crm_normalize_name IS
    'a person''s or organisation''s name in standard spelling and order, else NULL';

CREATE OR REPLACE FUNCTION @extschema@.crm_name(raw text)
RETURNS @extschema@.crm_name_info
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_name_wrapper';
COMMENT ON FUNCTION @extschema@.crm_name IS
    'the parts of a person''s or organisation''s name, and what is doubtful about it';

CREATE OR REPLACE FUNCTION @extschema@.crm_normalize_address(raw text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_normalize_address_wrapper';
COMMENT ON FUNCTION @extschema@.crm_normalize_address IS
    'a postal address on one line in its standard form, else NULL';

CREATE OR REPLACE FUNCTION @extschema@.crm_address(raw text)
RETURNS @extschema@.crm_address_info
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_address_wrapper';
COMMENT ON FUNCTION @extschema@.crm_address IS
    'the parts of a postal address, and what is doubtful about it';

CREATE OR REPLACE FUNCTION @extschema@.crm_clean_text(raw text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'crm_clean_text_wrapper';
COMMENT ON FUNCTION @extschema@.crm_clean_text IS
    'text in NFC without mark-up, control and zero-width characters, mojibake repaired where certain, white space folded';

CREATE OR REPLACE FUNCTION @extschema@.crm_clean()
RETURNS trigger
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'crm_clean_wrapper';
COMMENT ON FUNCTION @extschema@.crm_clean IS
    'trigger: cleans columns before a row is written; arguments ''column=kind'' and ''on_invalid=keep'', null or error';

CREATE OR REPLACE FUNCTION crm_ai.clean_record(record text, columns text)
RETURNS text
LANGUAGE c STABLE PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'clean_record_wrapper';
COMMENT ON FUNCTION crm_ai.clean_record IS 'internal: behind crm_clean_row';

-- JSON goes in and out as text, so that no number loses a digit.
CREATE OR REPLACE FUNCTION @extschema@.crm_clean_row(record jsonb, columns jsonb DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN crm_ai.clean_record(record::text, columns::text)::jsonb;
COMMENT ON FUNCTION @extschema@.crm_clean_row IS
    'a record cleaned by its columns'' kinds, given or guessed: {"row", "problems", "ok"}';

CREATE OR REPLACE FUNCTION crm_ai.clean_values(raw text[], plan text)
RETURNS text[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000
AS 'MODULE_PATHNAME', 'clean_values_wrapper';
COMMENT ON FUNCTION crm_ai.clean_values IS 'internal: behind crm_ai.clean_table';

CREATE OR REPLACE FUNCTION crm_ai.profile(source regclass, sample integer DEFAULT 10000)
RETURNS TABLE (
    column_name text, kind text, null_share double precision, distinct_values bigint,
    valid_share double precision, problems jsonb, shapes jsonb
)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'profile_wrapper';
COMMENT ON FUNCTION crm_ai.profile IS
    'what is in each column of a table, and what ails it, from a sample of its rows';

CREATE OR REPLACE FUNCTION crm_ai.findings(source regclass, sample integer DEFAULT NULL)
RETURNS TABLE (
    columns text[], code text, severity text, rows bigint, share double precision,
    examples jsonb, mend text
)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'findings_wrapper';
COMMENT ON FUNCTION crm_ai.findings IS
    'what ails a table beyond single values, with keys of some rows and SQL that mends it';

CREATE OR REPLACE FUNCTION crm_ai.suggest_checks(source regclass)
RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'suggest_checks_wrapper';
COMMENT ON FUNCTION crm_ai.suggest_checks IS
    'CHECK constraints that a table''s rows keep or nearly keep, and a cleaning of it, as SQL';

CREATE OR REPLACE FUNCTION crm_ai.clean_table(
    source regclass, target text, columns jsonb DEFAULT NULL,
    required text[] DEFAULT '{}', distinct_on text[] DEFAULT NULL, keep text[] DEFAULT NULL,
    dry_run boolean DEFAULT false, replace boolean DEFAULT false,
    on_invalid text DEFAULT 'auto'
) RETURNS @extschema@.crm_clean_report
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'clean_table_wrapper';
COMMENT ON FUNCTION crm_ai.clean_table IS
    'cleans a table into target, target_rejects and target_changes, or in place; nothing is lost';

CREATE OR REPLACE FUNCTION crm_ai.undo_clean(target text)
RETURNS @extschema@.crm_clean_report
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'undo_clean_wrapper';
COMMENT ON FUNCTION crm_ai.undo_clean IS
    'takes back what crm_ai.clean_table did to a table in place';

-- Composite results of functions, in the schema that CREATE EXTENSION names.

CREATE TYPE @extschema@.crm_sentiment_result AS (
    label text,
    score real,
    level smallint,
    negative real,
    neutral real,
    positive real,
    model text,
    version integer,
    truncated boolean
);
COMMENT ON TYPE @extschema@.crm_sentiment_result IS 'what crm_sentiment_detail tells of one text';

CREATE TYPE @extschema@.crm_phone_info AS (
    e164 text,
    international text,
    national text,
    rfc3966 text,
    country_code integer,
    region text,
    kind text,
    extension text,
    is_possible boolean,
    is_valid boolean,
    problem text
);
COMMENT ON TYPE @extschema@.crm_phone_info IS 'what crm_phone tells of one phone number';

CREATE TYPE @extschema@.crm_email_info AS (
    address text,
    local_part text,
    domain text,
    canonical text,
    is_valid boolean,
    is_role boolean,
    is_disposable boolean,
    is_free_provider boolean,
    suggestion text,
    problem text
);
COMMENT ON TYPE @extschema@.crm_email_info IS 'what crm_email tells of one e-mail address';

CREATE TYPE @extschema@.crm_name_info AS (
    kind text,
    title text,
    given text,
    middle text,
    family text,
    suffix text,
    nickname text,
    organisation text,
    display text,
    problem text,
    job_title text,
    note text
);
COMMENT ON TYPE @extschema@.crm_name_info IS 'what crm_name tells of one name';

CREATE TYPE @extschema@.crm_address_info AS (
    number text,
    street text,
    unit text,
    po_box text,
    city text,
    state text,
    postcode text,
    country text,
    problem text
);
COMMENT ON TYPE @extschema@.crm_address_info IS 'what crm_address tells of one postal address';

-- Counts are of rows, and NULL where a call has nothing to say of them.
CREATE TYPE @extschema@.crm_clean_report AS (
    target text,
    read bigint,
    kept bigint,
    rejected bigint,
    repaired bigint,
    duplicate bigint,
    missing bigint,
    invalid bigint,
    restored bigint,
    conflicts bigint,
    kinds jsonb,
    problems jsonb,
    examples jsonb
);
COMMENT ON TYPE @extschema@.crm_clean_report IS 'what crm_ai.clean_table and crm_ai.undo_clean did; read = kept + rejected';

-- `classes` holds precision, recall, f1 and rows of each class by its name; `confusion` holds, for
-- each true class, how many of its rows were given which class.
CREATE TYPE @extschema@.crm_evaluation AS (
    model text,
    version integer,
    rows bigint,
    null_rows bigint,
    accuracy double precision,
    accuracy_low double precision,
    accuracy_high double precision,
    macro_f1 double precision,
    macro_f1_low double precision,
    macro_f1_high double precision,
    log_loss double precision,
    calibration_error double precision,
    classes jsonb,
    confusion jsonb,
    -- Area under the ROC curve, of two classes.
    auc double precision,
    -- F1 of all classes' cases together: the accuracy, unless rows may have several labels.
    micro_f1 double precision
);
COMMENT ON TYPE @extschema@.crm_evaluation IS 'how good a model is on labelled rows, with 95 % intervals';

CREATE TYPE @extschema@.crm_dedupe_report AS (
    target text,
    rows bigint,
    clusters bigint,
    duplicates bigint,
    largest_cluster bigint,
    pairs bigint,
    compared bigint,
    expected_pairs double precision,
    kinds jsonb,
    blocking jsonb
);
COMMENT ON TYPE @extschema@.crm_dedupe_report IS 'what crm_ai.dedupe and crm_ai.link found; rows = clusters + duplicates';

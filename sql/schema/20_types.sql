-- Composite results of functions; they live in the schema that CREATE EXTENSION names.

CREATE TYPE crm_sentiment_result AS (
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
COMMENT ON TYPE crm_sentiment_result IS 'what crm_sentiment_detail tells of one text';

CREATE TYPE crm_phone_info AS (
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
COMMENT ON TYPE crm_phone_info IS 'what crm_phone tells of one phone number';

-- The reference page: signatures of functions, columns of views, attributes of types, settings,
-- with their comments, as lines of Markdown.
WITH member AS (
    SELECT classid, objid, obj_description(objid, classid::regclass::text) AS comment
    FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'crm_ai'
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
),
function AS (
    SELECT objid::regproc::text AS name, comment, pg_get_function_arguments(objid) AS arguments,
        pg_get_function_result(objid) AS result,
        concat_ws(', ',
            CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
            CASE WHEN proisstrict THEN 'strict' END,
            CASE proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' END
        ) AS kind
    FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
    WHERE comment NOT LIKE 'internal:%'
),
view AS (
    SELECT objid, objid::regclass::text AS name, comment
    FROM member JOIN pg_class c ON c.oid = objid AND classid = 'pg_class'::regclass
    WHERE relkind = 'v'
),
type AS (
    SELECT typrelid, objid::regtype::text AS name, comment
    FROM member JOIN pg_type t ON t.oid = objid AND classid = 'pg_type'::regclass
    JOIN pg_class c ON c.oid = typrelid AND relkind = 'c'
),
line (part, name, number, text) AS (
    SELECT 1, name, 0, format(E'### %s\n\n```\n%s(%s)\n    → %s\n```\n\n%s. %s.\n', name, name,
        replace(arguments, ', ', E',\n    '), result,
        upper(left(comment, 1)) || substr(comment, 2), upper(left(kind, 1)) || substr(kind, 2))
    FROM function
    UNION ALL
    SELECT 2, name, 0, format(E'### %s\n\n%s.\n\n| column | type | |\n|---|---|---|', name,
        upper(left(comment, 1)) || substr(comment, 2))
    FROM view
    UNION ALL
    SELECT 2, name, attnum, format('| %s | %s | %s |', attname, format_type(atttypid, atttypmod),
        col_description(objid, attnum))
    FROM view JOIN pg_attribute ON attrelid = objid AND attnum > 0
    UNION ALL
    SELECT 2, name, 1000, '' FROM view
    UNION ALL
    SELECT 3, name, 0, format(E'### %s\n\n%s.\n\n| attribute | type |\n|---|---|', name,
        upper(left(comment, 1)) || substr(comment, 2))
    FROM type
    UNION ALL
    SELECT 3, name, attnum, format('| %s | %s |', attname, format_type(atttypid, atttypmod))
    FROM type JOIN pg_attribute ON attrelid = typrelid AND attnum > 0
    UNION ALL
    SELECT 3, name, 1000, '' FROM type
    UNION ALL
    SELECT 4, name, 1, format('| `%s` | %s | %s | %s | %s |', name, vartype,
        concat_ws(' ', nullif(boot_val, ''), nullif(unit, '')),
        coalesce(array_to_string(enumvals, ', '), min_val || ' to ' || max_val),
        CASE context WHEN 'user' THEN 'every role' WHEN 'superuser' THEN 'superuser'
            ELSE 'server' END)
    FROM pg_settings WHERE name LIKE 'crm\_ai.%'
    UNION ALL
    VALUES (1, '', 0, E'## Functions\n'), (2, '', 0, E'## Views\n'), (3, '', 0, E'## Types\n'),
        (4, '', 0, E'## Settings\n\n[settings.md](settings.md) tells what each does.\n\n'
            '| setting | type | default | values | set by |\n|---|---|---|---|---|')
)
SELECT text FROM line ORDER BY part, name COLLATE "C", number

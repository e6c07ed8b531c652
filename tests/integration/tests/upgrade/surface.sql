-- What users see of the extension: functions, views, types and settings, a line for each.
WITH member AS (
    SELECT classid, objid
    FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'crm_ai'
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
),
line (kind, text) AS (
    SELECT 'function', concat_ws(' ', objid::regproc::text || '(' || pg_get_function_arguments(objid) || ')',
        'returns', pg_get_function_result(objid),
        CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
        CASE WHEN proisstrict THEN 'strict' END,
        CASE proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' END)
    FROM member JOIN pg_proc p ON p.oid = objid AND classid = 'pg_proc'::regclass
    UNION ALL
    SELECT 'view', objid::regclass || ' (' || (
        SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = objid AND attnum > 0) || ')'
    FROM member JOIN pg_class c ON c.oid = objid AND classid = 'pg_class'::regclass
    WHERE relkind = 'v'
    UNION ALL
    SELECT 'type', objid::regtype || ' (' || (
        SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = typrelid AND attnum > 0) || ')'
    FROM member JOIN pg_type t ON t.oid = objid AND classid = 'pg_type'::regclass
    WHERE typtype = 'c' AND typrelid NOT IN (SELECT objid FROM member)
    UNION ALL
    SELECT 'setting', concat_ws(' ', name, vartype, context, 'default', quote_literal(boot_val),
        CASE WHEN min_val IS NOT NULL THEN concat_ws(' ', 'from', min_val, 'to', max_val) END,
        'of ' || array_to_string(enumvals, ', '), 'in ' || unit)
    FROM pg_settings WHERE name LIKE 'crm\_ai.%'
)
SELECT kind || ' ' || text FROM line ORDER BY kind, text COLLATE "C"

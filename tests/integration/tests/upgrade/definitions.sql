-- Every object of the extension with all that defines it, as lines of text.
WITH member AS (
    SELECT classid, objid, pg_describe_object(classid, objid, 0) AS name
    FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'crm_ai'
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
),
relation AS (
    SELECT m.name, c.* FROM member m JOIN pg_class c ON c.oid = m.objid
    WHERE m.classid = 'pg_class'::regclass
),
entry (name, aspect, definition) AS (
    SELECT name, 'exists', 'yes' FROM member
    UNION ALL
    SELECT name, 'comment', obj_description(objid, classid::regclass::text) FROM member
    UNION ALL
    SELECT name, 'definition', pg_get_functiondef(objid)
    FROM member JOIN pg_proc p ON p.oid = objid
    WHERE classid = 'pg_proc'::regclass AND p.prokind <> 'a'
    UNION ALL
    SELECT name, 'right of ' || coalesce(r.rolname, 'PUBLIC'),
           string_agg(privilege_type, ', ' ORDER BY privilege_type)
    FROM (
        SELECT name, coalesce(proacl, acldefault('f', proowner)) AS acl FROM member JOIN pg_proc p ON p.oid = objid
        WHERE classid = 'pg_proc'::regclass
        UNION ALL
        SELECT name, coalesce(relacl, acldefault(
            CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner))
        FROM relation
        UNION ALL
        SELECT name, nspacl FROM member JOIN pg_namespace n ON n.oid = objid
        WHERE classid = 'pg_namespace'::regclass
        UNION ALL
        SELECT r.name || ' column ' || attname, attacl
        FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
    ) of_all CROSS JOIN aclexplode(acl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
    GROUP BY name, r.rolname
    UNION ALL
    SELECT name, 'definition', pg_get_viewdef(oid) FROM relation WHERE relkind IN ('v', 'm')
    UNION ALL
    SELECT name, 'options', concat_ws(' ', reloptions, relpersistence, relreplident,
                                      relrowsecurity, relforcerowsecurity)
    FROM relation
    UNION ALL
    SELECT r.name, 'column ' || row_number() OVER (PARTITION BY r.oid ORDER BY attnum),
           concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
                     attgenerated, attstorage, pg_get_expr(adbin, adrelid),
                     col_description(r.oid, attnum))
    FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped AND relkind <> 'S'
    UNION ALL
    SELECT r.name, 'constraint ' || conname, pg_get_constraintdef(c.oid)
    FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid
    -- From PostgreSQL 18 on, what attnotnull says already is a constraint with a name of its own.
    WHERE contype <> 'n'
    UNION ALL
    SELECT r.name, 'index ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
    FROM relation r JOIN pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT r.name, 'trigger ' || tgname, concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled)
    FROM relation r JOIN pg_trigger t ON t.tgrelid = r.oid
    WHERE NOT tgisinternal
    UNION ALL
    SELECT r.name, 'policy ' || polname,
           concat_ws(' ', polcmd, polroles::regrole[], pg_get_expr(polqual, polrelid),
                     pg_get_expr(polwithcheck, polrelid))
    FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT r.name, 'dumped rows', condition
    FROM pg_extension e CROSS JOIN unnest(extconfig, extcondition) AS dumped (oid, condition)
    JOIN relation r ON r.oid = dumped.oid
    WHERE extname = 'crm_ai'
    UNION ALL
    SELECT name, 'sequence', concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmax,
                                       seqmin, seqcache, seqcycle)
    FROM member JOIN pg_sequence s ON s.seqrelid = objid AND classid = 'pg_class'::regclass
    UNION ALL
    SELECT name, 'values', (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder)
                            FROM pg_enum WHERE enumtypid = objid)
    FROM member WHERE classid = 'pg_type'::regclass
    UNION ALL
    SELECT name, 'column ' || attnum, concat_ws(' ', attname, format_type(atttypid, atttypmod))
    FROM member JOIN pg_type t ON t.oid = objid AND classid = 'pg_type'::regclass
    JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c'
    JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0
)
SELECT concat_ws(' | ', name, aspect, definition) FROM entry
WHERE definition IS NOT NULL
ORDER BY name COLLATE "C", aspect COLLATE "C", definition COLLATE "C"

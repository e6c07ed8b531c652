-- ALTER DEFAULT PRIVILEGES of the installing role must not open the registry.
DO $$
DECLARE
    opened record;
BEGIN
    FOR opened IN
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
            pg_catalog.format('crm_ai.%I', c.relname) AS name, r.rolname AS grantee
        FROM pg_catalog.pg_class c
        CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
        JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE c.relnamespace = 'crm_ai'::pg_catalog.regnamespace AND a.grantee <> c.relowner
        UNION
        SELECT 'FUNCTION', p.oid::pg_catalog.regprocedure::text, r.rolname
        FROM pg_catalog.pg_proc p
        CROSS JOIN LATERAL pg_catalog.aclexplode(p.proacl) a
        JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
        WHERE p.pronamespace = 'crm_ai'::pg_catalog.regnamespace AND a.grantee <> p.proowner
            AND r.rolname NOT IN ('crm_ai_user', 'crm_ai_trainer', 'crm_ai_admin')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %I', opened.kind, opened.name,
            opened.grantee);
    END LOOP;
    FOR opened IN
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, c.relname AS name
        FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'crm_ai'::pg_catalog.regnamespace AND c.relkind IN ('r', 'S')
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON %s crm_ai.%I FROM PUBLIC', opened.kind,
            opened.name);
    END LOOP;
END
$$;

-- Triggers on the registry's own tables.

-- A watch or a schedule that is made, or restored from a dump, registers its database.
CREATE OR REPLACE TRIGGER register AFTER INSERT ON crm_ai.watch
    FOR EACH STATEMENT EXECUTE FUNCTION crm_ai.register_scheduler();
CREATE OR REPLACE TRIGGER register AFTER INSERT ON crm_ai.schedule
    FOR EACH STATEMENT EXECUTE FUNCTION crm_ai.register_scheduler();

-- The registry of a subscriber is its own: what a publication FOR ALL TABLES sends of another
-- server's is left out.
DO $$
DECLARE
    registry text;
BEGIN
    FOR registry IN
        SELECT c.relname FROM pg_catalog.pg_class c
        WHERE c.relnamespace = 'crm_ai'::pg_catalog.regnamespace AND c.relkind = 'r'
    LOOP
        EXECUTE pg_catalog.format(
            'CREATE OR REPLACE TRIGGER keep_own_rows BEFORE INSERT OR UPDATE OR DELETE
             ON crm_ai.%I FOR EACH ROW EXECUTE FUNCTION crm_ai.keep_own_rows()', registry);
        EXECUTE pg_catalog.format(
            'ALTER TABLE crm_ai.%I ENABLE REPLICA TRIGGER keep_own_rows', registry);
    END LOOP;
END
$$;

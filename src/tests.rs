//! SQL functions inside a transaction of a test server. What needs the engine, several sessions
//! or a restart is tested from outside, in `tests/integration`.

use pgrx::prelude::*;

mod cleaning;

/// `#[pg_test]` functions live in a schema of their own. The build that holds them is no test build
/// to clippy, which would let tests unwrap.
#[allow(clippy::unwrap_used)]
#[pg_schema]
pub mod tests {
    use super::*;

    pub fn text(sql: &str) -> Option<String> {
        Spi::get_one::<String>(sql).unwrap()
    }

    /// The SQLSTATE that a statement fails with, and whether it carries a HINT.
    pub fn failure(sql: &str) -> String {
        let block = format!(
            "DO $block$ DECLARE state text; hint text; BEGIN
               BEGIN
                 EXECUTE $sql${sql}$sql$;
                 state := 'none'; hint := '';
               EXCEPTION WHEN OTHERS THEN
                 GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, hint = PG_EXCEPTION_HINT;
               END;
               PERFORM set_config('test.failure', state || CASE hint WHEN '' THEN '' ELSE ' hint' END, true);
             END $block$"
        );
        Spi::run(&block).unwrap();
        text("SELECT current_setting('test.failure')").unwrap()
    }

    #[pg_test]
    fn phones_become_e164() {
        for (call, expected) in [
            ("crm_normalize_phone('(650) 253-0000', 'US')", Some("+16502530000")),
            ("crm_normalize_phone('(650) 253-0000')", Some("+16502530000")),
            ("crm_normalize_phone('+44 20 7031 3000', '')", Some("+442070313000")),
            ("crm_normalize_phone('650 253 0000', 'ZZ')", None),
            ("crm_normalize_phone('no phone', 'US')", None),
            ("crm_normalize_phone(NULL, 'US')", None),
            ("(crm_phone('+1 650 253 0000', 'US')).region", Some("US")),
            ("(crm_phone('+1 650 253 0000', 'US')).kind", Some("fixed_line_or_mobile")),
            ("crm_phone_digits(' (02) 9374-4000 ')", Some("00293744000")),
            ("crm_phone_digits('12', 4)", Some("0012")),
        ] {
            assert_eq!(text(&format!("SELECT {call}")).as_deref(), expected, "{call}");
        }
    }

    #[pg_test]
    fn the_default_region_is_a_setting() {
        Spi::run("SET LOCAL crm_ai.default_region = 'AU'").unwrap();
        let call = "SELECT crm_normalize_phone('(02) 9374 4000')";
        assert_eq!(text(call).as_deref(), Some("+61293744000"));
    }

    #[pg_test]
    fn phones_are_found_in_text_at_character_positions() {
        let sql = "SELECT start || '-' || stop || ' ' || e164
                   FROM crm_find_phones('🎉 call 650-253-0000 now', 'US')";
        assert_eq!(text(sql).as_deref(), Some("8-20 +16502530000"));
    }

    #[pg_test]
    fn wrong_arguments_have_their_sqlstate_and_a_hint() {
        for (sql, expected) in [
            ("SELECT crm_normalize_phone('1', 'XX')", "22023 hint"),
            ("SELECT crm_phone('1', 'usa')", "22023 hint"),
            ("SELECT crm_phone_digits('1', -1)", "22023 hint"),
            ("SELECT crm_find_phones(repeat('1', 300000), 'US')", "54000 hint"),
            ("SELECT crm_classify('nobody', 'text')", "42704 hint"),
            ("SELECT crm_classify('sentiment@99', 'text')", "42704 hint"),
            ("SELECT crm_classify('sentiment@x', 'text')", "22023 hint"),
            ("SELECT crm_predict('nobody', '{}')", "42704 hint"),
            ("SELECT crm_predict('nobody', '[1]')", "22023 hint"),
            ("SELECT crm_sentiment(repeat('x', 2000000))", "54000 hint"),
            ("SELECT crm_ai.import_model('m', 'folder')", "55000 hint"),
            ("SELECT crm_ai.import_model('m@1', 'folder')", "22023 hint"),
            ("SELECT crm_ai.import_model('m', 'folder', 'fp8')", "22023 hint"),
            ("SELECT crm_ai.promote('nobody', 1)", "42704 hint"),
            ("SELECT crm_ai.promote('sentiment', 99)", "42704 hint"),
            ("SELECT crm_ai.rollback('sentiment')", "55000 hint"),
            ("SELECT crm_ai.drop_model('sentiment')", "55000 hint"),
            ("SELECT crm_ai.drop_version('sentiment', 1)", "55000 hint"),
            ("SELECT crm_ai.grant_model('sentiment', 'nobody at all')", "42704"),
            ("SET crm_ai.device = 'cpu'", "55P02"),
            ("SET crm_ai.misspelt = 1", "42602"),
        ] {
            assert_eq!(failure(sql), expected, "{sql}");
        }
    }

    #[pg_test]
    fn cleaning_functions_serve_generated_columns_indexes_and_checks() {
        Spi::run(
            "CREATE TABLE customer (
                 phone text CHECK (crm_normalize_phone(phone, 'US') IS NOT NULL),
                 e164 text GENERATED ALWAYS AS (crm_normalize_phone(phone, 'US')) STORED,
                 note text);
             CREATE INDEX ON customer (crm_clean_text(note));
             INSERT INTO customer VALUES ('650 253 0000', DEFAULT, 'a  &amp;  b')",
        )
        .unwrap();
        let sql = "SELECT e164 || ' ' || crm_clean_text(note) FROM customer";
        assert_eq!(text(sql).as_deref(), Some("+16502530000 a & b"));
        assert_eq!(failure("INSERT INTO customer (phone) VALUES ('12')"), "23514");
    }

    #[pg_test]
    fn the_built_in_models_are_registered() {
        let sql = "SELECT string_agg(name || ' ' || champion || ' ' || task, ', ' ORDER BY name)
                   FROM crm_ai.models";
        assert_eq!(text(sql).as_deref(), Some("minilm 1 embed, sentiment 1 classify"));
        let sql = "SELECT array_to_string(labels, ',') FROM crm_ai.models WHERE name = 'sentiment'";
        let levels = "negative,neutral,positive,very negative,very positive";
        assert_eq!(text(sql).as_deref(), Some(levels));
    }

    #[pg_test]
    fn every_function_tells_what_it_does() {
        let sql = "SELECT string_agg(p.oid::regprocedure::text, ', ')
                   FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
                   JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'crm_ai'
                   WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
                     AND p.pronamespace <> 'tests'::regnamespace
                     AND obj_description(p.oid, 'pg_proc') IS NULL";
        assert_eq!(text(sql), None);
    }
}

//! SQL functions one by one, each test in a transaction that is rolled back.

mod cleaning;

use crm_ai_integration::cluster::shared;
use crm_ai_integration::session::Session;

/// A session of a superuser inside a transaction that ends with the test.
pub struct Scratch {
    session: Session,
}

impl Scratch {
    pub fn new() -> Self {
        let mut session = shared().session();
        session.run("BEGIN");
        Self { session }
    }

    #[track_caller]
    pub fn run(&mut self, sql: &str) {
        self.session.run(sql);
    }

    /// The first value; `None` for NULL.
    #[track_caller]
    pub fn text(&mut self, sql: &str) -> Option<String> {
        self.session.try_value(sql).unwrap_or_else(|failure| panic!("{sql}: {failure:?}"))
    }

    /// The SQLSTATE that a statement fails with, and whether it carries a HINT.
    #[track_caller]
    pub fn failure(&mut self, sql: &str) -> String {
        self.session.run("SAVEPOINT attempt");
        let failure = self.session.failure(sql);
        self.session.run("ROLLBACK TO attempt");
        let hint = if failure.hint.is_empty() { "" } else { " hint" };
        format!("{}{hint}", failure.state)
    }

    #[track_caller]
    pub fn json(&mut self, sql: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(sql).unwrap()).unwrap()
    }
}

#[test]
fn phones_become_e164() {
    let mut scratch = Scratch::new();
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
        assert_eq!(scratch.text(&format!("SELECT {call}")).as_deref(), expected, "{call}");
    }
}

#[test]
fn the_default_region_is_a_setting() {
    let mut scratch = Scratch::new();
    scratch.run("SET LOCAL crm_ai.default_region = 'AU'");
    let call = "SELECT crm_normalize_phone('(02) 9374 4000')";
    assert_eq!(scratch.text(call).as_deref(), Some("+61293744000"));
}

#[test]
fn phones_are_found_in_text_at_character_positions() {
    let mut scratch = Scratch::new();
    let sql = "SELECT start || '-' || stop || ' ' || e164
               FROM crm_find_phones('🎉 call 650-253-0000 now', 'US')";
    assert_eq!(scratch.text(sql).as_deref(), Some("8-20 +16502530000"));
}

#[test]
fn wrong_arguments_have_their_sqlstate_and_a_hint() {
    let mut scratch = Scratch::new();
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
        assert_eq!(scratch.failure(sql), expected, "{sql}");
    }
}

#[test]
fn cleaning_functions_serve_generated_columns_indexes_and_checks() {
    let mut scratch = Scratch::new();
    scratch.run(
        "CREATE TABLE customer (
             phone text CHECK (crm_normalize_phone(phone, 'US') IS NOT NULL),
             e164 text GENERATED ALWAYS AS (crm_normalize_phone(phone, 'US')) STORED,
             note text);
         CREATE INDEX ON customer (crm_clean_text(note));
         INSERT INTO customer VALUES ('650 253 0000', DEFAULT, 'a  &amp;  b')",
    );
    let sql = "SELECT e164 || ' ' || crm_clean_text(note) FROM customer";
    assert_eq!(scratch.text(sql).as_deref(), Some("+16502530000 a & b"));
    assert_eq!(scratch.failure("INSERT INTO customer (phone) VALUES ('12')"), "23514");
}

#[test]
fn the_built_in_models_are_registered() {
    let mut scratch = Scratch::new();
    let sql = "SELECT string_agg(name || ' ' || champion || ' ' || task, ', ' ORDER BY name)
               FROM crm_ai.models";
    assert_eq!(scratch.text(sql).as_deref(), Some("minilm 1 embed, sentiment 1 classify"));
    let sql = "SELECT array_to_string(labels, ',') FROM crm_ai.models WHERE name = 'sentiment'";
    let levels = "negative,neutral,positive,very negative,very positive";
    assert_eq!(scratch.text(sql).as_deref(), Some(levels));
}

#[test]
fn every_function_tells_what_it_does() {
    let mut scratch = Scratch::new();
    let sql = "SELECT string_agg(p.oid::regprocedure::text, ', ')
               FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
               JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'crm_ai'
               WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
                 AND obj_description(p.oid, 'pg_proc') IS NULL";
    assert_eq!(scratch.text(sql), None);
}

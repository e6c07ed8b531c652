//! Cleaning of contacts, rows and tables.

use super::Scratch;

#[test]
fn contacts_have_normal_forms_and_descriptions() {
    let mut scratch = Scratch::new();
    for (call, expected) in [
        ("crm_normalize_email(' <Ann.Lee@EXAMPLE.com> ')", Some("Ann.Lee@example.com")),
        ("crm_normalize_email('no address')", None),
        ("crm_normalize_email(NULL)", None),
        ("(crm_email('ann@example.com')).domain", Some("example.com")),
        ("(crm_email('ann@example.com')).is_valid::text", Some("true")),
        ("(crm_email('')).problem", Some("empty")),
        ("(crm_name('Ann Lee')).kind", Some("person")),
        ("(crm_name('Ann Lee')).family", Some("Lee")),
        ("crm_normalize_name(' Ann  Lee ')", Some("Ann Lee")),
        ("(crm_name('')).problem", Some("empty")),
        ("crm_normalize_name(NULL)", None),
        ("(crm_address('')).problem", Some("empty")),
        ("crm_normalize_address('')", None),
    ] {
        assert_eq!(scratch.text(&format!("SELECT {call}")).as_deref(), expected, "{call}");
    }
    let address = "crm_normalize_address('12 Main St, Springfield, IL 62701')";
    assert!(scratch.text(&format!("SELECT {address}")).unwrap().contains("62701"));
}

#[test]
fn normal_forms_serve_generated_columns_indexes_and_checks() {
    let mut scratch = Scratch::new();
    scratch.run(
        "CREATE TABLE contact (
             email text CHECK (crm_normalize_email(email) IS NOT NULL),
             clean text GENERATED ALWAYS AS (crm_normalize_email(email)) STORED,
             name text, address text,
             shown text GENERATED ALWAYS AS (crm_normalize_name(name)) STORED);
         CREATE UNIQUE INDEX ON contact (((crm_email(email)).canonical));
         CREATE INDEX ON contact (crm_normalize_address(address));
         INSERT INTO contact (email, name) VALUES (' ann@EXAMPLE.com', 'Ann Lee')",
    );
    let sql = "SELECT clean || ' ' || shown FROM contact";
    assert_eq!(scratch.text(sql).as_deref(), Some("ann@example.com Ann Lee"));
    assert_eq!(scratch.failure("INSERT INTO contact (email) VALUES ('x')"), "23514");
    assert_eq!(scratch.failure("INSERT INTO contact (email) VALUES ('ann@example.com')"), "23505");
}

#[test]
fn a_row_is_cleaned_as_json() {
    let mut scratch = Scratch::new();
    let answer = scratch.json(
        "SELECT crm_clean_row('{\"p\": \"650 253 0000\", \"e\": \"x\", \"n\": 0.10}',
             '{\"p\": \"phone\", \"e\": \"email\"}')::text",
    );
    assert_eq!(answer["row"]["p"], "+16502530000");
    assert_eq!(answer["row"]["e"], serde_json::Value::Null);
    assert_eq!(answer["problems"][0]["column"], "e");
    assert_eq!(answer["problems"][0]["value_kind"], "email");
    assert_eq!(answer["ok"], false);
    let guessed = scratch.json("SELECT crm_clean_row('{\"email\": \" ann@example.com\"}')::text");
    assert_eq!(guessed["row"]["email"], "ann@example.com");
    assert_eq!(guessed["ok"], true);
    assert_eq!(scratch.text("SELECT crm_clean_row(NULL)::text"), None);
    // Not a digit of a number is lost.
    let number = "SELECT crm_clean_row('{\"x\": 1234567890.12345678901234567890}')->'row'->>'x'";
    assert_eq!(scratch.text(number).as_deref(), Some("1234567890.12345678901234567890"));
    scratch.run("SET LOCAL crm_ai.default_region = 'AU'");
    let row = scratch.json("SELECT crm_clean_row('{\"phone\": \"(02) 9374 4000\"}')::text");
    assert_eq!(row["row"]["phone"], "+61293744000");
}

#[test]
fn a_table_is_cleaned_into_three() {
    let mut scratch = Scratch::new();
    scratch.run(
        "CREATE TABLE raw (id integer PRIMARY KEY, email varchar(40), phone text, note text);
         INSERT INTO raw VALUES
             (1, 'Ann@EXAMPLE.com', '650-253-0000', 'a  b'),
             (2, 'Ann@example.com ', '650-253-0001', NULL),
             (3, 'x', '650-253-0002', NULL),
             (4, NULL, '650-253-0003', NULL),
             (5, 'bob@example.com', 'call me', NULL)",
    );
    let report = scratch.json(
        "SELECT to_jsonb(crm_ai.clean_table('raw', 'clean',
             columns => '{\"email\": \"email\", \"phone\": \"phone:US\", \"note\": \"text\"}',
             required => '{email}', distinct_on => '{email}'))::text",
    );
    for (count, expected) in [
        ("read", 5),
        ("kept", 2),
        ("rejected", 3),
        ("repaired", 2),
        ("duplicate", 1),
        ("missing", 1),
        ("invalid", 1),
    ] {
        assert_eq!(report[count], expected, "{count} in {report}");
    }
    assert_eq!(report["problems"]["phone"]["not_a_number"], 1);
    let rows = "SELECT string_agg(concat_ws('|', id, email, phone, note), ' ' ORDER BY id)
                FROM clean";
    assert_eq!(
        scratch.text(rows).as_deref(),
        Some("1|Ann@example.com|+16502530000|a b 5|bob@example.com")
    );
    let rejects = "SELECT string_agg(concat_ws('|', source_row, reason, record->>'id',
                       duplicate_of, key->>'id'), ' ' ORDER BY source_row) FROM clean_rejects";
    assert_eq!(
        scratch.text(rejects).as_deref(),
        Some("2|duplicate|2|1|2 3|invalid|3|3 4|missing|4|4")
    );
    let changes = "SELECT string_agg(concat_ws('|', key->>'id', column_name, before,
                       coalesce(after, '-'), problem), ' ' ORDER BY source_row, column_name)
                   FROM clean_changes";
    assert_eq!(
        scratch.text(changes).as_deref(),
        Some(
            "1|email|Ann@EXAMPLE.com|Ann@example.com 1|note|a  b|a b \
              1|phone|650-253-0000|+16502530000 5|phone|call me|-|not_a_number"
        )
    );
    let types = "SELECT string_agg(format_type(atttypid, atttypmod), ',' ORDER BY attnum)
                 FROM pg_attribute WHERE attrelid = 'clean'::regclass AND attnum > 0";
    assert_eq!(scratch.text(types).as_deref(), Some("integer,character varying,text,text"));
}

#[test]
fn a_dry_run_makes_nothing_and_shows_examples() {
    let mut scratch = Scratch::new();
    scratch.run("CREATE TABLE raw AS SELECT ' a' AS note UNION ALL SELECT NULL");
    let report = scratch.json(
        "SELECT to_jsonb(crm_ai.clean_table('raw', 'clean', '{\"note\": \"text\"}',
             required => '{note}', dry_run => true))::text",
    );
    assert_eq!((&report["read"], &report["missing"]), (&2.into(), &1.into()));
    assert_eq!(report["examples"]["changes"][0]["after"], "a");
    assert_eq!(report["examples"]["rejects"][0]["reason"], "missing");
    assert_eq!(scratch.text("SELECT to_regclass('clean')::text"), None);
    // The staging table is gone: a second call in the transaction finds its name free.
    scratch.text("SELECT (crm_ai.clean_table('raw', 'clean')).target").unwrap();
}

#[test]
fn a_dry_run_counts_what_a_run_counts() {
    let mut scratch = Scratch::new();
    scratch.run(
        "CREATE TABLE raw AS SELECT n % 7 AS id, CASE n % 5 WHEN 0 THEN NULL
             WHEN 1 THEN 'call me' ELSE '650-253-000' || n % 4 END AS phone
         FROM generate_series(1, 60) n",
    );
    for (number, rest) in [
        "",
        ", required => '{phone}'",
        ", distinct_on => '{*}'",
        ", distinct_on => '{phone}', required => '{phone}'",
        ", distinct_on => '{id,phone}', required => '{*}', keep => '{phone}'",
    ]
    .into_iter()
    .enumerate()
    {
        let report = |scratch: &mut Scratch, dry_run: bool| {
            let mut report = scratch.json(&format!(
                "SELECT to_jsonb(crm_ai.clean_table('raw', 'clean{number}',
                     '{{\"phone\": \"phone:US\"}}', dry_run => {dry_run}{rest}))::text"
            ));
            report["examples"].take();
            report
        };
        let dry = report(&mut scratch, true);
        assert_eq!(dry, report(&mut scratch, false), "{rest}");
    }
}

#[test]
fn a_dry_run_works_in_a_read_only_transaction_and_a_run_fails_with_25006() {
    let mut scratch = Scratch::new();
    scratch.run("CREATE TABLE raw AS SELECT ' a' AS note UNION ALL SELECT NULL");
    scratch.run("SET TRANSACTION READ ONLY");
    let clean =
        |rest: &str| format!("SELECT (crm_ai.clean_table('raw', 'clean'{rest})).read::text");
    assert_eq!(scratch.text(&clean(", dry_run => true")).as_deref(), Some("2"));
    assert_eq!(scratch.failure(&clean("")), "25006");
}

#[test]
fn a_profile_tells_what_ails_each_column() {
    let mut scratch = Scratch::new();
    scratch.run(
        "CREATE TABLE raw (id integer, phone text, \"E-Mail\" text, born date);
         INSERT INTO raw SELECT i, '650-253-' || lpad(i::text, 4, '0'),
             CASE i % 4 WHEN 0 THEN NULL ELSE 'user' || i || '@example.com' END, '2024-01-01'
         FROM generate_series(1, 40) i;
         INSERT INTO raw VALUES (41, '12', 'x', NULL)",
    );
    let sql = "SELECT string_agg(concat_ws('|', column_name, kind, round(null_share::numeric, 2),
                   distinct_values, round(valid_share::numeric, 2), problems), ' ')
               FROM crm_ai.profile('raw')";
    assert_eq!(
        scratch.text(sql).as_deref(),
        Some(
            "id|keep|0.00|41|1.00|{} phone|phone:US|0.00|41|0.98|{\"too_short\": 1} \
              E-Mail|email|0.24|31|0.97|{\"missing_at\": 1} born|keep|0.02|1|1.00|{}"
        )
    );
    let shape = "SELECT shapes->>'999-999-9999' FROM crm_ai.profile('raw')
                 WHERE column_name = 'phone'";
    assert_eq!(scratch.text(shape).as_deref(), Some("40"));
    let sampled = "SELECT distinct_values::text FROM crm_ai.profile('raw', 10)
                   WHERE column_name = 'id'";
    assert!(scratch.text(sampled).unwrap().parse::<i64>().unwrap() <= 10);
}

#[test]
fn a_trigger_cleans_what_is_written() {
    let mut scratch = Scratch::new();
    scratch.run(
        "CREATE TABLE contact (phone varchar(20), \"E Mail\" text, other text);
         CREATE TRIGGER clean BEFORE INSERT OR UPDATE ON contact FOR EACH ROW
             EXECUTE FUNCTION crm_clean('phone=phone:US', 'E Mail=email');
         INSERT INTO contact VALUES ('650-253-0000', ' ann@EXAMPLE.com ', ' x '), ('x', '', NULL)",
    );
    let rows = "SELECT string_agg(concat_ws('|', phone, coalesce(\"E Mail\", '-'), other), ' '
                    ORDER BY ctid) FROM contact";
    assert_eq!(scratch.text(rows).as_deref(), Some("+16502530000|ann@example.com| x  x|-"));
    scratch.run("UPDATE contact SET phone = '(650) 253-0001' WHERE other IS NULL");
    let phone = "SELECT phone FROM contact WHERE other IS NULL";
    assert_eq!(scratch.text(phone).as_deref(), Some("+16502530001"));
}

#[test]
fn a_trigger_keeps_empties_or_refuses_what_it_cannot_read() {
    let mut scratch = Scratch::new();
    for (option, expected) in [("keep", Some("12")), ("null", None)] {
        scratch.run(&format!(
            "DROP TABLE IF EXISTS contact; CREATE TABLE contact (phone text);
             CREATE TRIGGER clean BEFORE INSERT ON contact FOR EACH ROW
                 EXECUTE FUNCTION crm_clean('phone=phone:US', 'on_invalid={option}');
             INSERT INTO contact VALUES ('12')"
        ));
        assert_eq!(scratch.text("SELECT phone FROM contact").as_deref(), expected, "{option}");
    }
    let trigger = |events: &str, arguments: &str| {
        format!(
            "DROP TABLE IF EXISTS contact;
             CREATE TABLE contact (phone text, amount bigint);
             CREATE TRIGGER clean {events} EXECUTE FUNCTION crm_clean({arguments});
             INSERT INTO contact VALUES ('12')"
        )
    };
    let before = "BEFORE INSERT ON contact FOR EACH ROW";
    for (events, arguments, expected) in [
        (before, "'phone=phone:US', 'on_invalid=error'", "23514 hint"),
        (before, "'phone=phone:us'", "22023"),
        (before, "'phone=fax'", "22023"),
        (before, "'phone'", "22023 hint"),
        (before, "", "22023 hint"),
        (before, "'phone=text', 'on_invalid=ignore'", "22023 hint"),
        (before, "'Phone=phone'", "42703 hint"),
        (before, "'amount=phone'", "22023 hint"),
        ("AFTER INSERT ON contact FOR EACH ROW", "'phone=text'", "39P01"),
        ("BEFORE INSERT ON contact", "'phone=text'", "39P01"),
    ] {
        assert_eq!(scratch.failure(&trigger(events, arguments)), expected, "{events} {arguments}");
    }
}

#[test]
fn wrong_arguments_of_tables_have_their_sqlstate_and_a_hint() {
    let mut scratch = Scratch::new();
    scratch.run(
        "CREATE TABLE raw (id integer, name text); CREATE TABLE taken ();
         CREATE TABLE free_changes (); CREATE SEQUENCE counter;
         CREATE TABLE keyed (id text PRIMARY KEY, n integer, name text)",
    );
    for (call, expected) in [
        ("clean_table('nowhere', 'clean')", "42P01"),
        ("clean_table('counter', 'clean')", "42809 hint"),
        ("clean_table('raw', 'taken')", "42P07 hint"),
        ("clean_table('raw', 'free')", "42P07 hint"),
        ("clean_table('raw', 'free', replace => true)", "42P07 hint"),
        ("clean_table('raw', 'a.b.c')", "22023 hint"),
        ("clean_table('raw', 'no such name')", "22023"),
        ("clean_table('raw', 'nowhere.clean')", "3F000"),
        ("clean_table('raw', repeat('x', 56))", "42622 hint"),
        ("clean_table('raw', 'clean', '{\"Name\": \"text\"}')", "42703 hint"),
        ("clean_table('raw', 'clean', '{\"name\": \"fax\"}')", "22023 hint"),
        ("clean_table('raw', 'clean', '{\"name\": 1}')", "22023 hint"),
        ("clean_table('raw', 'clean', '[]')", "22023 hint"),
        ("clean_table('raw', 'clean', required => '{x}')", "42703 hint"),
        ("clean_table('raw', 'clean', required => '{NULL}')", "22023 hint"),
        ("clean_table('raw', 'clean', distinct_on => '{x}')", "42703 hint"),
        ("clean_table('raw', 'clean', distinct_on => '{}')", "22023 hint"),
        ("clean_table('raw', 'clean', keep => '{x}')", "42703 hint"),
        ("clean_table('raw', 'clean', keep => '{}')", "22023 hint"),
        ("clean_table('raw', 'clean', keep => '{id,id}')", "22023"),
        ("clean_table('free_changes', 'free')", "22023 hint"),
        ("clean_table('free_changes', 'free', replace => true)", "22023 hint"),
        ("clean_table('raw', 'raw')", "55000 hint"),
        ("clean_table('keyed', 'keyed', '{\"id\": \"id\"}')", "22023 hint"),
        ("clean_table('keyed', 'keyed', '{\"n\": \"text\"}')", "22023 hint"),
        ("clean_table('keyed', 'keyed', keep => '{id}')", "22023 hint"),
        ("undo_clean('raw')", "55000 hint"),
        ("undo_clean('nowhere')", "42P01"),
        ("profile('raw', 0)", "22023 hint"),
        ("profile('counter')", "42809 hint"),
        ("clean_values('{a}', 'x')", "22023 hint"),
        ("clean_record('[]', NULL)", "22023 hint"),
    ] {
        assert_eq!(scratch.failure(&format!("SELECT crm_ai.{call}")), expected, "{call}");
    }
}

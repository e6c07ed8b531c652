//! What becomes of values that their column's kind cannot read, and of guesses that do not fit.

use crm_ai_integration::cluster::shared;

#[test]
fn guesses_lose_no_value_and_named_kinds_give_null() {
    let mut session = shared().database("invalid_auto");
    session.run(
        "CREATE TABLE raw AS SELECT i AS id, 'u' || i || '@example.com' AS email,
             '2024-03-' || 10 + i % 20 AS joined, 'yes' AS active FROM generate_series(1, 40) i;
         UPDATE raw SET email = 'call me', joined = 'last spring', active = 'perhaps' WHERE id = 7;
         UPDATE raw SET email = 'N/A' WHERE id = 8",
    );
    session.run("SELECT crm_ai.clean_table('raw', 'guessed')");
    let kept =
        "SELECT concat_ws(' ', email, joined, active, pg_typeof(joined)) FROM guessed WHERE id = 7";
    assert_eq!(session.value(kept), "call me last spring perhaps text");
    assert_eq!(session.value("SELECT count(*) FROM guessed WHERE email IS NULL"), "1");
    let told =
        "SELECT t.problems->'email'->>'missing_at' IS NOT NULL OR t.problems->'email' <> '{}'
        FROM crm_ai.clean_table('raw', 'again', dry_run => true) t";
    assert_eq!(session.value(told), "t");

    let named = "columns => '{\"email\": \"email\", \"joined\": \"date\"}'";
    session.run(&format!("SELECT crm_ai.clean_table('raw', 'named', {named})"));
    let given = "SELECT concat_ws(' ', email IS NULL, joined IS NULL, pg_typeof(joined)) FROM named WHERE id = 7";
    assert_eq!(session.value(given), "t t date");
    session
        .run(&format!("SELECT crm_ai.clean_table('raw', 'stays', {named}, on_invalid => 'keep')"));
    assert_eq!(
        session.value("SELECT email || joined FROM stays WHERE id = 7"),
        "call melast spring"
    );
    let rejected = format!(
        "SELECT concat_ws(' ', t.kept, t.invalid, t.missing)
         FROM crm_ai.clean_table('raw', 'refused', {named}, on_invalid => 'reject') t"
    );
    assert_eq!(session.value(&rejected), "39 1 0");
    assert_eq!(session.value("SELECT reason FROM refused_rejects"), "invalid");
    session
        .fails_with("22023", "SELECT crm_ai.clean_table('raw', 'x', on_invalid => 'ask')")
        .expect_hint();
}

#[test]
fn a_guess_that_reads_too_little_falls_back_to_text() {
    let mut session = shared().database("invalid_guess");
    // The beginning of the table is not like the rest.
    session.run(
        "CREATE TABLE raw AS SELECT i AS id,
             CASE WHEN i <= 2000 THEN '650 253 ' || 1000 + i ELSE 'ext ' || i END AS phone
             FROM generate_series(1, 3000) i",
    );
    let kinds = "SELECT t.kinds->>'phone' FROM crm_ai.clean_table('raw', 'clean') t";
    assert_eq!(session.value(kinds), "text");
    assert_eq!(session.value("SELECT count(*) FROM raw JOIN clean USING (id, phone)"), "3000");
    // What is asked for is done.
    let named = "SELECT t.kinds->>'phone' FROM crm_ai.clean_table('raw', 'named',
        columns => '{\"phone\": \"phone:US\"}') t";
    assert_eq!(session.value(named), "phone:US");
}

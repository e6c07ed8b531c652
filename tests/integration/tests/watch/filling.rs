//! Every change of a row reaches its watched column.

use super::{WRONG, cluster, settle, wait_for};
use crm_ai_integration::tiny_model::classifier;

#[test]
fn every_kind_of_change_is_followed() {
    let mut session = cluster().database("watch_changes");
    // A key that is written in another way under other settings.
    session.run(
        "CREATE TABLE note (at timestamptz, \"the part\" real, body text, mood text, mood_by text,
             PRIMARY KEY (at, \"the part\"));
         INSERT INTO note SELECT timestamptz '2024-01-01' + i * interval '7 h', i / 3.0, 'old ' || i
         FROM generate_series(1, 40) i;
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood', version_column => 'mood_by',
             backfill_rate => 1000);
         SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Kolkata'; SET extra_float_digits = 0",
    );
    session.run(
        "INSERT INTO note SELECT timestamptz '2025-02-03' + i * interval '5 min', 1, 'wonderful ' || i
         FROM generate_series(1, 300) i;
         INSERT INTO note VALUES ('03/02/2026', 0.1, NULL), ('04/02/2026', 0.1, ''),
             ('05/02/2026', 0.1, 'gone soon')",
    );
    session.run("DELETE FROM note WHERE body = 'gone soon'");
    settle(&mut session);
    assert_eq!(session.value(WRONG), "0");
    let by = "SELECT count(*) FROM note WHERE mood_by IS DISTINCT FROM
        CASE WHEN body IS NOT NULL THEN 'sentiment@1' END";
    assert_eq!(session.value(by), "0");
    let done: i64 = session.value("SELECT rows_done FROM crm_ai.watches").parse().unwrap();
    assert!((341..=342).contains(&done), "{done} rows"); // one was perhaps judged before it went
    session.run(
        "UPDATE note SET body = 'awful ' || body WHERE body LIKE 'wonderful 1%';
         UPDATE note SET at = at + interval '1 year', body = 'terrible' WHERE body = 'old 7';
         UPDATE note SET \"the part\" = 77 WHERE body = 'old 8';
         UPDATE note SET body = NULL WHERE body = 'old 9';
         INSERT INTO note VALUES ('04/02/2026', 0.1, 'I hate it') ON CONFLICT (at, \"the part\")
             DO UPDATE SET body = EXCLUDED.body;
         UPDATE note SET body = 'first' WHERE body = 'old 10';
         UPDATE note SET body = 'then this is bad' WHERE body = 'first'",
    );
    session.run("BEGIN; UPDATE note SET body = 'never' WHERE body = 'old 11'; ROLLBACK");
    settle(&mut session);
    assert_eq!(session.value(WRONG), "0");
    // An answer that somebody overwrites is left, as the text has not changed.
    session.run("UPDATE note SET mood = 'mine' WHERE body = 'old 12'");
    session.run("INSERT INTO note VALUES ('06/02/2026', 1, 'another')");
    settle(&mut session);
    assert_eq!(session.value("SELECT mood FROM note WHERE body = 'old 12'"), "mine");
    session
        .run("INSERT INTO note SELECT at + interval '9 years', 1, body FROM note; TRUNCATE note");
    session.run("INSERT INTO note VALUES ('07/02/2026', 1, 'after all')");
    settle(&mut session);
    assert_eq!(session.value(WRONG), "0");
    assert_eq!(session.value("SELECT count(*) FROM crm_ai.watch_errors"), "0");
}

#[test]
fn rows_in_partitions_are_found_wherever_they_were_written() {
    let mut session = cluster().database("watch_partitions");
    session.run(
        "CREATE TABLE note (region text, id int, body text, mood text, PRIMARY KEY (region, id))
             PARTITION BY LIST (region);
         CREATE TABLE eu PARTITION OF note FOR VALUES IN ('eu');
         CREATE TABLE us (mood text, id int NOT NULL, body text, region text NOT NULL);
         ALTER TABLE note ATTACH PARTITION us FOR VALUES IN ('us');
         INSERT INTO note VALUES ('eu', 0, 'old'), ('us', 0, 'old');
         SELECT crm_ai.watch('note', 'body', 'sentiment', 'mood');
         INSERT INTO note SELECT r, i, 'great ' || i FROM generate_series(1, 50) i,
             unnest('{eu,us}'::text[]) r;
         INSERT INTO us VALUES (NULL, 1000, 'straight into the partition', 'us');
         CREATE TABLE late PARTITION OF note FOR VALUES IN ('late');
         INSERT INTO late VALUES ('late', 1, 'made later');
         UPDATE note SET region = 'us', id = 2000 WHERE region = 'eu' AND id = 5",
    );
    settle(&mut session);
    assert_eq!(session.value(WRONG), "0");
    assert_eq!(session.value("SELECT count(mood) FROM note"), "104");
}

#[test]
fn a_promotion_is_followed_by_old_rows_where_asked() {
    let cluster = cluster();
    let mut session = cluster.database("watch_promotion");
    for seed in [7, 8] {
        classifier(seed).write(&cluster.imports().join(format!("watch_promotion{seed}")));
        session.run(&format!("SELECT crm_ai.import_model('topics', 'watch_promotion{seed}')"));
    }
    session.run(
        "CREATE TABLE note (id int PRIMARY KEY, body text, kept text, followed text, by text, pinned text);
         INSERT INTO note SELECT i, 'invoice ' || md5(i::text) FROM generate_series(1, 60) i;
         SELECT crm_ai.watch('note', 'body', 'topics', 'kept', backfill_rate => 1000);
         SELECT crm_ai.watch('note', 'body', 'topics', 'followed', 'by', 'rescore', 1000);
         SELECT crm_ai.watch('note', 'body', 'topics@1', 'pinned', on_promotion => 'rescore')",
    );
    wait_for(&mut session, "count(kept) + count(followed) + count(pinned) = 180 FROM note");
    settle(&mut session);
    session.run("SELECT crm_ai.promote('topics', 2)");
    wait_for(&mut session, "bool_and(by = 'topics@2') FROM note");
    session.run("INSERT INTO note VALUES (100, 'a new one')");
    settle(&mut session);
    let wrong = "SELECT count(*) FROM note WHERE followed <> crm_classify('topics@2', body)
        OR kept <> crm_classify(CASE WHEN id = 100 THEN 'topics@2' ELSE 'topics@1' END, body)
        OR pinned <> crm_classify('topics@1', body)";
    assert_eq!(session.value(wrong), "0");
}

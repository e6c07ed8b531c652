//! What the inference functions answer, alone, in arrays and in every kind of statement.

use crm_ai_integration::Session;
use crm_ai_integration::cluster::shared;
use crm_ai_integration::process::wait_until;
use crm_ai_integration::session::{FORCE_PARALLEL, literal, text_array};
use crm_ai_integration::texts::{self, GREAT, TERRIBLE};
use std::time::Duration;

fn floats(array: &str) -> Vec<f64> {
    let numbers = array.trim_matches(['{', '}']).split(',');
    numbers.map(|number| number.parse().unwrap()).collect()
}

#[test]
fn plain_texts_get_plain_answers() {
    let mut session = shared().session();
    assert_eq!(session.value("SELECT crm_sentiment('This is a great product!')"), "positive");
    assert_eq!(session.value(&format!("SELECT crm_sentiment({})", literal(TERRIBLE))), "negative");
    let question = "Which documents do I need to change my address?";
    assert_eq!(session.value(&format!("SELECT crm_sentiment({})", literal(question))), "neutral");
    let score = |session: &mut Session, text: &str| {
        session.number(&format!("SELECT crm_sentiment_score({})", literal(text)))
    };
    assert!(score(&mut session, GREAT) > 0.5 && score(&mut session, GREAT) <= 1.0);
    assert!(score(&mut session, TERRIBLE) < -0.5 && score(&mut session, TERRIBLE) >= -1.0);
    assert!(session.number(&format!("SELECT crm_sentiment_level({})", literal(GREAT))) >= 4.0);
    assert!(session.number(&format!("SELECT crm_sentiment_level({})", literal(TERRIBLE))) <= 2.0);
}

#[test]
fn the_detail_agrees_with_the_single_answers_and_names_its_version() {
    let mut session = shared().session();
    for text in [GREAT, TERRIBLE, "The parcel weighs two kilos."] {
        let text = literal(text);
        let agrees = format!(
            "SELECT d.label = crm_sentiment(t) AND d.score = crm_sentiment_score(t)
                 AND d.level = crm_sentiment_level(t) AND NOT d.truncated
                 AND abs(d.negative + d.neutral + d.positive - 1) < 1e-5
                 AND abs(d.score - (d.positive - d.negative)) < 1e-6
                 AND d.model = 'sentiment' AND d.version = v.version AND v.is_champion
             FROM (VALUES ({text})) texts(t), crm_sentiment_detail(t) d, crm_ai.versions v
             WHERE v.model = d.model AND v.version = d.version"
        );
        assert_eq!(session.value(&agrees), "t", "{text}");
    }
}

#[test]
fn null_gives_null() {
    let mut session = shared().session();
    for call in [
        "crm_sentiment(NULL)",
        "crm_sentiment_score(NULL)",
        "crm_sentiment_level(NULL)",
        "crm_sentiment_detail(NULL)",
        "crm_sentiment_batch(NULL)",
        "crm_classify(NULL, 'x')",
        "crm_classify('sentiment', NULL)",
        "crm_classify_batch('sentiment', NULL)",
        "crm_embed(NULL)",
        "crm_embed('x', NULL)",
        "crm_normalize_phone(NULL)",
        "crm_phone(NULL, 'US')",
        "crm_clean_text(NULL)",
    ] {
        assert_eq!(session.value(&format!("SELECT ({call}) IS NULL")), "t", "{call}");
    }
    for rows in ["crm_classify_detail('sentiment', NULL)", "crm_embed_batch(NULL)"] {
        assert_eq!(session.value(&format!("SELECT count(*) FROM {rows}")), "0", "{rows}");
    }
}

#[test]
fn odd_texts_are_judged_like_any_other() {
    let mut session = shared().session();
    for (kind, text) in texts::odd() {
        let row = session
            .client()
            .query_one(
                "SELECT d.label IN ('negative', 'neutral', 'positive'),
                     abs(d.negative + d.neutral + d.positive - 1) < 1e-5,
                     crm_sentiment_batch(ARRAY['before', $1, 'after']) =
                         ARRAY[crm_sentiment('before'), d.label, crm_sentiment('after')]
                 FROM crm_sentiment_detail($1) d",
                &[&text],
            )
            .unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        assert_eq!((row.get(0), row.get(1), row.get(2)), (true, true, true), "{kind}");
    }
}

#[test]
fn a_text_over_the_models_limit_is_cut_and_says_so() {
    let mut session = shared().session();
    let long = "great product ".repeat(5_000);
    let detail = |session: &mut Session, text: &str| {
        let sql = format!("SELECT truncated, label FROM crm_sentiment_detail({})", literal(text));
        session.rows(&sql).remove(0)
    };
    assert_eq!(detail(&mut session, &long), [Some("t".into()), Some("positive".into())]);
    assert_eq!(detail(&mut session, GREAT)[0], Some("f".into()));
    let counted = "SELECT truncated FROM crm_ai.engine_stats()";
    let before = session.number(counted);
    detail(&mut session, &long);
    wait_until("it is counted", Duration::from_secs(5), || session.number(counted) > before);
}

#[test]
fn a_text_over_the_byte_limit_is_refused() {
    let mut session = shared().session();
    let over = "repeat('x', 1 << 20) || 'y'";
    for call in [
        format!("crm_sentiment({over})"),
        format!("crm_sentiment_batch(ARRAY['ok', {over}])"),
        format!("crm_classify('sentiment', {over})"),
        format!("crm_embed({over})"),
        "crm_sentiment(repeat('x', 10000000))".into(),
    ] {
        let failure = session.fails_with("54000", &format!("SELECT {call}"));
        failure.expect_hint().expect_message("crm_ai.max_text_bytes");
    }
    assert!(session.value("SELECT crm_sentiment(repeat('x', 1 << 20))").len() > 1);
    session.run("SET crm_ai.max_text_bytes = 10");
    session.fails_with("54000", "SELECT crm_sentiment('eleven byte')");
    assert_eq!(session.value("SELECT crm_sentiment('great') IS NULL"), "f");
    session.fails_with("22023", "SET crm_ai.max_text_bytes = '1GB'");
}

#[test]
fn an_array_gets_what_its_rows_get() {
    let mut session = shared().session();
    session.run("CREATE TEMP TABLE note (id int PRIMARY KEY, body text)");
    let texts = texts::messages(5_000);
    let mut writer = session.client().copy_in("COPY note FROM STDIN").unwrap();
    for (id, text) in texts.iter().enumerate() {
        let body = if id % 97 == 0 { "\\N" } else { text };
        std::io::Write::write_all(&mut writer, format!("{id}\t{body}\n").as_bytes()).unwrap();
    }
    writer.finish().unwrap();
    session.run(
        "CREATE TEMP TABLE batch AS
         SELECT b.ordinality - 1 AS id, b.label FROM
             (SELECT array_agg(body ORDER BY id) AS bodies FROM note) all_notes,
             unnest(crm_sentiment_batch(bodies)) WITH ORDINALITY AS b(label)",
    );
    // Each fifth alone: that is where the time goes.
    let wrong = session.rows(
        "SELECT id, n.body IS NULL, b.label FROM note n FULL JOIN batch b USING (id)
         WHERE (n.body IS NULL) <> (b.label IS NULL)
            OR id % 5 = 0 AND b.label IS DISTINCT FROM crm_sentiment(n.body)",
    );
    assert_eq!(wrong, Vec::<Vec<Option<String>>>::new());
    let kinds = "SELECT count(*), count(label), count(DISTINCT label) FROM batch";
    assert_eq!(session.rows(kinds), [[Some("5000".into()), Some("4948".into()), Some("3".into())]]);
}

#[test]
fn arrays_of_nothing_and_of_nulls() {
    let mut session = shared().session();
    for (call, answer) in [
        ("crm_sentiment_batch('{}')", "{}"),
        ("crm_sentiment_batch(ARRAY[NULL]::text[])", "{NULL}"),
        ("crm_sentiment_batch(ARRAY[NULL, 'great product', NULL])", "{NULL,positive,NULL}"),
        ("crm_classify_batch('sentiment', '{}')", "{}"),
        ("crm_classify_batch('sentiment', ARRAY[NULL, NULL]::text[])", "{NULL,NULL}"),
        ("(SELECT count(*) FROM crm_embed_batch('{}'))", "0"),
        (
            "(SELECT string_agg(position || ':' || (embedding IS NULL), ',' ORDER BY position)
              FROM crm_embed_batch(ARRAY['x', NULL, 'y']))",
            "1:false,2:true,3:false",
        ),
    ] {
        assert_eq!(session.value(&format!("SELECT {call}")), answer, "{call}");
    }
}

#[test]
fn classify_serves_a_champion_or_a_named_version() {
    let mut session = shared().session();
    let text = literal(GREAT);
    let label = session.value(&format!("SELECT crm_classify('sentiment', {text})"));
    assert_eq!(session.value(&format!("SELECT crm_classify('sentiment@1', {text})")), label);
    let array = text_array([GREAT, TERRIBLE]);
    assert_eq!(
        session.value(&format!("SELECT crm_classify_batch('sentiment@1', {array})")),
        session.value(&format!(
            "SELECT ARRAY[crm_classify('sentiment', {text}), crm_classify('sentiment', {})]",
            literal(TERRIBLE)
        ))
    );
    let detail = session
        .rows(&format!("SELECT label, probability FROM crm_classify_detail('sentiment', {text})"));
    let probabilities: Vec<f64> =
        detail.iter().map(|row| row[1].as_ref().unwrap().parse().unwrap()).collect();
    assert_eq!(detail[0][0], Some(label));
    assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{probabilities:?}");
    assert!(probabilities.is_sorted_by(|a, b| a >= b), "{probabilities:?}");
    let classes = "SELECT cardinality(labels) FROM crm_ai.models WHERE name = 'sentiment'";
    assert_eq!(session.number(classes) as usize, detail.len());
}

#[test]
fn vectors_have_unit_length_and_closeness_means_likeness() {
    let mut session = shared().session();
    let mut embed =
        |text: &str| floats(&session.value(&format!("SELECT crm_embed({})", literal(text))));
    let texts = ["My card was stolen", "Someone took my bank card", "The weather is nice in May"];
    let vectors = texts.map(&mut embed);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for vector in &vectors {
        assert_eq!(vector.len(), 384);
        assert!((product(vector, vector) - 1.0).abs() < 1e-4);
    }
    assert!(product(&vectors[0], &vectors[1]) > product(&vectors[0], &vectors[2]) + 0.2);
    let named = session.value("SELECT crm_embed('x') = crm_embed('x', 'minilm@1')");
    assert_eq!(named, "t");
    let rows = session.rows(&format!(
        "SELECT embedding FROM crm_embed_batch({}) ORDER BY position",
        text_array(texts)
    ));
    for (row, vector) in rows.iter().zip(&vectors) {
        let batched = floats(row[0].as_ref().unwrap());
        let apart = batched.iter().zip(vector).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-4, "{apart}");
    }
}

#[test]
fn wrong_model_names_and_wrong_tasks() {
    let mut session = shared().session();
    for (state, call) in [
        ("42704", "crm_classify('nobody', 'x')"),
        ("42704", "crm_classify('nobody@1', 'x')"),
        ("42704", "crm_classify('', 'x')"),
        ("42704", "crm_classify('Sentiment', 'x')"),
        ("42704", "crm_classify('sentiment@999', 'x')"),
        ("42704", "crm_embed('x', 'nobody')"),
        ("22023", "crm_classify('sentiment@', 'x')"),
        ("22023", "crm_classify('sentiment@one', 'x')"),
        ("22023", "crm_classify('sentiment@0', 'x')"),
        ("22023", "crm_classify('sentiment@-1', 'x')"),
        ("22023", "crm_classify('sentiment@1@1', 'x')"),
        ("22023", "crm_classify('sentiment@99999999999', 'x')"),
        ("22023", "crm_classify('minilm', 'x')"),
        ("22023", "crm_classify_batch('minilm', ARRAY['x'])"),
        ("22023", "crm_embed('x', 'sentiment')"),
    ] {
        session.fails_with(state, &format!("SELECT {call}")).expect_hint();
    }
    session.run("SET crm_ai.sentiment_model = 'nobody'");
    session.fails_with("42704", "SELECT crm_sentiment('x')");
    session.run("SET crm_ai.sentiment_model = 'minilm'");
    session.fails_with("22023", "SELECT crm_sentiment('x')");
    session.run("SET crm_ai.sentiment_model = 'sentiment@1'");
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
}

#[test]
fn any_kind_of_statement_may_call() {
    let mut session = shared().session();
    let prepared = session.client().prepare("SELECT crm_sentiment($1)").unwrap();
    for (text, label) in [(GREAT, "positive"), (TERRIBLE, "negative")].repeat(4) {
        // Five runs and more: custom plans first, then the generic one.
        let row = session.client().query_one(&prepared, &[&text]).unwrap();
        assert_eq!(row.get::<_, String>(0), label);
    }
    session.run(
        "CREATE FUNCTION mood(body text) RETURNS text LANGUAGE plpgsql AS $$
         DECLARE answer text;
         BEGIN
             answer := crm_sentiment(body);
             BEGIN
                 PERFORM crm_classify('nobody', body);
             EXCEPTION WHEN undefined_object THEN
                 answer := answer || '!';
             END;
             RETURN answer || crm_sentiment(body);
         END $$",
    );
    let mood = session.value(&format!("SELECT mood({})", literal(GREAT)));
    assert_eq!(mood, "positive!positive");
    session.run(
        "CREATE TABLE written (id int, body text, label text);
         BEGIN;
         INSERT INTO written VALUES (1, 'great product'), (2, 'awful, broken')",
    );
    session.run("UPDATE written SET label = crm_sentiment(body)");
    assert_eq!(session.column("SELECT label FROM written ORDER BY id"), ["positive", "negative"]);
    session.run("COMMIT; BEGIN READ ONLY");
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
    assert_eq!(session.value("SELECT cardinality(crm_embed('x'))"), "384");
    session.run("COMMIT; BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE");
    assert_eq!(session.value("SELECT crm_sentiment('great product')"), "positive");
    session.run("COMMIT");
    let cursor = "BEGIN; DECLARE c CURSOR FOR SELECT crm_sentiment(body) FROM written ORDER BY id;
                  FETCH 1 FROM c; FETCH 1 FROM c; COMMIT";
    assert_eq!(session.column(cursor), ["positive", "negative"]);
}

/// Sums in whole numbers: the order in which floats are added is the workers' affair.
fn sums(rows: Vec<Vec<Option<String>>>) -> Vec<i64> {
    let number = |value: &Option<String>| value.as_ref().unwrap().parse::<f64>().unwrap();
    rows[0].iter().map(|value| number(value).round() as i64).collect()
}

#[test]
fn parallel_workers_answer_too() {
    let mut session = shared().session();
    session.run(
        "CREATE TABLE parallel_note AS
             SELECT i, (ARRAY['great product', 'awful service', 'when do you open?'])[1 + i % 3]
                 || ' ' || i AS body FROM generate_series(1, 600) i;
         ANALYZE parallel_note",
    );
    let serial = "SELECT sum(crm_sentiment_level(body) * i), sum(crm_sentiment_score(body) * i),
                      count(*) FILTER (WHERE crm_sentiment(body) = 'positive')
                  FROM parallel_note WHERE i > 0";
    session.run("SET max_parallel_workers_per_gather = 0");
    let expected = sums(session.rows(serial));
    session.run(
        "SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0;
         SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0",
    );
    let plan = session.column(&format!("EXPLAIN {serial}")).join("\n");
    assert!(plan.contains("Gather"), "{plan}");
    assert_eq!(sums(session.rows(serial)), expected);
    // The transaction has an id of its own: the workers may not start commands then.
    session.run("BEGIN; INSERT INTO parallel_note VALUES (0, 'great')");
    assert_eq!(sums(session.rows(serial)), expected);
    session.run("ROLLBACK");
    session.run(FORCE_PARALLEL);
    for call in ["crm_sentiment_level('great product')", "crm_embed('x')", "crm_phone('1', 'US')"] {
        session.value(&format!("SELECT {call}"));
    }
}

#[test]
fn a_security_definer_function_lends_its_owners_rights() {
    let cluster = shared();
    let mut session = cluster.session();
    session.run(
        "CREATE ROLE borrower LOGIN;
         CREATE FUNCTION judge(body text) RETURNS text LANGUAGE sql SECURITY DEFINER
             SET search_path = public, pg_temp AS 'SELECT crm_sentiment(body)'",
    );
    let mut borrower = cluster.connect("borrower", "postgres");
    assert_eq!(borrower.value(&format!("SELECT judge({})", literal(GREAT))), "positive");
}

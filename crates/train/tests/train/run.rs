//! Whole runs on a tiny encoder: from rows in a file to a folder that answers texts.

use crate::support::{root, runtime};
use crm_ai_infer::{Device, LoadOptions, Model, Precision};
use crm_ai_metrics::Promote;
use crm_ai_wire::training::{
    ClassWeights, Event, FailureKind, Job, Method, MixedPrecision, ModelFolder, Outcome, Pooling,
    Started, Task, TextRow, TextTask,
};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// Texts of a class: its word among others, each text another one.
fn rows(classes: &[(&str, &str)], count: usize) -> Vec<TextRow> {
    let others = ["my", "card", "is", "not", "here", "yet", "please", "how", "do", "i"];
    let mut rows = Vec::new();
    for number in 0..count {
        for (label, word) in classes {
            let [a, b] = [number % 10, number / 10 % 10].map(|at| others[at]);
            let text = format!("{a} {word} {b} {word} {number}");
            rows.push(TextRow { text, label: (*label).to_owned(), weight: 1.0 });
        }
    }
    rows
}

/// A folder with the rows, and the job on them.
fn job(folder: &TempDir, base: &str, method: Method, rows: &[TextRow]) -> Job {
    let lines: Vec<String> = rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect();
    std::fs::write(folder.path().join("rows"), lines.join("\n") + "\n").unwrap();
    Job {
        run: 1,
        rows: folder.path().join("rows"),
        output: folder.path().join("out"),
        checkpoint: folder.path().join("checkpoint"),
        task: Task::Text(TextTask {
            base: root("tests/fixtures/model").join(base),
            method,
            epochs: 12,
            batch_size: 8,
            learning_rate: 3e-3,
            warmup_steps: None,
            weight_decay: 0.01,
            max_tokens: 32,
            label_sets: BTreeMap::new(),
            label_smoothing: 0.0,
            multi_label: false,
            class_weights: ClassWeights::Equal,
            mixed_precision: MixedPrecision::Auto,
            new_tokens: BTreeMap::new(),
            pooling: None,
            base_share: 0.0,
            keep_labels: false,
        }),
        champion: None,
        test_size: 0.2,
        seed: 42,
        device: "cpu".to_owned(),
        threads: 2,
        promote: Promote::IfBetter,
        minimums: Default::default(),
    }
}

fn text_task(job: &mut Job) -> &mut TextTask {
    match &mut job.task {
        Task::Text(task) => task,
        Task::Table(_) => unreachable!(),
    }
}

/// Runs a job to its end.
fn run(job: &Job) -> Result<(Started, Outcome), crm_ai_train::Error> {
    let (mut started, mut outcome, mut is_evaluating) = (None, None, false);
    crm_ai_train::run(job, runtime(), &mut |event| match event {
        Event::Started(event) => started = Some(event),
        Event::Evaluating => is_evaluating = true,
        Event::Finished(event) => outcome = Some(*event),
        Event::Progress(progress) => {
            assert!(!is_evaluating && progress.step <= progress.of, "{progress:?}");
        }
        Event::Notice { .. } | Event::Failed(_) => {}
    })?;
    Ok((started.unwrap(), outcome.unwrap()))
}

fn failure(job: &Job) -> FailureKind {
    run(job).unwrap_err().to_failure().kind
}

fn served(job: &Job) -> Model {
    let options = LoadOptions { precision: Precision::Fp32, device: Device::Cpu, workers: 1 };
    Model::load(runtime(), &job.output, &options).unwrap()
}

fn answer(model: &Model, text: &str) -> String {
    let tokens = model.tokenise(text).unwrap();
    let probabilities = model.classify(0, &[&tokens]).unwrap();
    let best =
        (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]));
    model.info().labels[best.unwrap()].clone()
}

const TWO: [(&str, &str); 2] = [("delivery", "card"), ("refund", "refund")];

#[test]
fn every_method_and_family_learns_a_word() {
    for base in ["bert_encoder", "bert_classifier", "distilbert_classifier", "roberta_classifier"] {
        for method in [Method::Head, Method::FineTune] {
            let folder = TempDir::new().unwrap();
            let job = job(&folder, base, method, &rows(&TWO, 60));
            let (started, outcome) = run(&job).unwrap();
            assert_eq!(started.method, method.name());
            assert_eq!(started.train_rows + started.test_rows, 120);
            let accuracy = outcome.evaluation.accuracy;
            assert!(accuracy >= 0.9, "{base} {method:?}: {accuracy}");
            assert!(outcome.decision.promote, "{:?}", outcome.decision);
            let model = served(&job);
            assert_eq!(model.info().labels, ["delivery", "refund"]);
            // It was judged in what the engine serves it in.
            assert_eq!(model.info().precision, Some(Precision::Fp32));
            assert_eq!(answer(&model, "where is the refund please refund"), "refund", "{base}");
            assert!(!job.checkpoint.join("encoder").exists());
        }
    }
}

/// Also with 16-bit products on the processor, where they are asked for; the run says so.
#[test]
fn sixteen_bits_learn_a_word() {
    for (precision, name) in [(MixedPrecision::Fp16, "fp16"), (MixedPrecision::Bf16, "bf16")] {
        let folder = TempDir::new().unwrap();
        let mut job = job(&folder, "bert_encoder", Method::FineTune, &rows(&TWO, 40));
        text_task(&mut job).mixed_precision = precision;
        let (mut accuracy, mut notices) = (0.0, String::new());
        crm_ai_train::run(&job, runtime(), &mut |event| match event {
            Event::Notice { text } => notices.push_str(&text),
            Event::Progress(progress) => assert!(progress.loss.is_none_or(f64::is_finite)),
            Event::Finished(outcome) => accuracy = outcome.evaluation.accuracy,
            _ => {}
        })
        .unwrap();
        assert!(accuracy >= 0.9, "{name}: {accuracy}");
        assert!(notices.contains(name), "{notices}");
    }
}

#[test]
fn two_classes_of_eight_rows_are_enough() {
    for seed in [0, 1, 42] {
        let folder = TempDir::new().unwrap();
        let mut job = job(&folder, "bert_encoder", Method::Auto, &rows(&TWO, 8));
        job.seed = seed;
        let (started, outcome) = run(&job).unwrap();
        assert_eq!(started.method, "head");
        assert_eq!(outcome.evaluation.rows, started.test_rows);
        assert!(outcome.evaluation.classes.iter().all(|class| class.rows > 0));
    }
}

/// A random head would learn nothing at such a rate: the fitted one is where it begins.
#[test]
fn auto_begins_a_fine_tune_with_the_fitted_head() {
    let folder = TempDir::new().unwrap();
    let mut job = job(&folder, "bert_encoder", Method::Auto, &rows(&TWO, 650));
    text_task(&mut job).epochs = 1;
    text_task(&mut job).learning_rate = 1e-7;
    let (started, outcome) = run(&job).unwrap();
    assert_eq!(started.method, "fine_tune");
    assert!(outcome.evaluation.accuracy >= 0.95, "{}", outcome.evaluation.accuracy);
    text_task(&mut job).method = Method::FineTune;
    let (_, outcome) = run(&job).unwrap();
    assert!(outcome.evaluation.accuracy < 0.95, "{}", outcome.evaluation.accuracy);
}

#[test]
fn equal_jobs_give_equal_models() {
    let [first, second] = [0, 1].map(|_| {
        let folder = TempDir::new().unwrap();
        let job = job(&folder, "bert_encoder", Method::FineTune, &rows(&TWO, 20));
        run(&job).unwrap();
        std::fs::read(job.output.join("model.safetensors")).unwrap()
    });
    assert!(first == second);
}

/// A label that stands for two classes, and weights of nothing, teach what they say.
#[test]
fn sets_and_weights_count() {
    let folder = TempDir::new().unwrap();
    let mut rows = rows(&[("delivery", "card"), ("refund", "refund"), ("any", "refund")], 40);
    for number in 0..40 {
        let text = format!("card wrong {number}");
        rows.push(TextRow { text, label: "refund".to_owned(), weight: 0.0 });
    }
    let mut job = job(&folder, "bert_encoder", Method::FineTune, &rows);
    text_task(&mut job).label_sets =
        [("any".to_owned(), ["delivery", "refund"].map(str::to_owned).to_vec())].into();
    run(&job).unwrap();
    let model = served(&job);
    assert_eq!(model.info().labels, ["delivery", "refund"]);
    assert_eq!(answer(&model, "my card is card"), "delivery");
    assert_eq!(answer(&model, "my refund is refund"), "refund");
}

/// Texts of one word, four of five labelled one way: what the rarer class weighs decides.
#[test]
fn class_weights_move_the_answer() {
    let others = ["my", "is", "not", "here", "yet", "please", "how", "do", "i", "lost"];
    let text = |n: usize| format!("card {} card {}", others[n / 10], others[n % 10]);
    let label = |n: usize| if (n / 10 + n % 10).is_multiple_of(5) { "refund" } else { "delivery" };
    let rows: Vec<TextRow> = (0..100)
        .map(|n| TextRow { text: text(n), label: label(n).to_owned(), weight: 1.0 })
        .collect();
    let heavy = ClassWeights::Given([("refund".to_owned(), 12.0)].into());
    for method in [Method::Head, Method::FineTune] {
        for (weights, expected) in [(ClassWeights::Equal, "delivery"), (heavy.clone(), "refund")] {
            let folder = TempDir::new().unwrap();
            let mut job = job(&folder, "bert_encoder", method, &rows);
            text_task(&mut job).class_weights = weights;
            text_task(&mut job).epochs = 4;
            run(&job).unwrap();
            assert_eq!(answer(&served(&job), "my card"), expected, "{method:?}");
        }
    }
}

/// Texts with one word, another, both or none: each word is a question of its own.
#[test]
fn a_text_may_have_several_labels() {
    let words = ["card", "refund", "card refund", "please"];
    let labels = [r#"["delivery"]"#, r#"["refund"]"#, r#"["delivery","refund"]"#, "[]"];
    let others = ["my", "is", "not", "here", "yet", "how", "do", "i"];
    let rows: Vec<TextRow> = (0..256)
        .map(|n| TextRow {
            text: format!("{} {} {}", others[n / 4 % 8], words[n % 4], others[n / 32]),
            label: labels[n % 4].to_owned(),
            weight: 1.0,
        })
        .collect();
    let mut first = None;
    for method in [Method::Head, Method::FineTune] {
        let folder = TempDir::new().unwrap();
        let mut job = job(&folder, "bert_encoder", method, &rows);
        text_task(&mut job).multi_label = true;
        let (_, outcome) = run(&job).unwrap();
        assert!(outcome.evaluation.accuracy >= 0.9, "{method:?}: {}", outcome.evaluation.accuracy);
        assert!(outcome.evaluation.micro_f1.unwrap() >= 0.95);
        assert!(outcome.decision.promote, "{:?}", outcome.decision);
        let model = served(&job);
        assert!(model.info().multi_label);
        for (text, expected) in [
            ("my card is", [true, false]),
            ("my refund is", [false, true]),
            ("my card refund is", [true, true]),
            ("how please i", [false, false]),
        ] {
            let tokens = model.tokenise(text).unwrap();
            let found = model.classify(0, &[&tokens]).unwrap();
            assert_eq!([found[0] >= 0.5, found[1] >= 0.5], expected, "{method:?} {text} {found:?}");
        }
        first.get_or_insert((folder, job));
    }
    // Beside a champion of the same kind, and none of the other.
    let (_folder, first) = first.unwrap();
    let folder = TempDir::new().unwrap();
    let mut next = job(&folder, "bert_encoder", Method::Head, &rows);
    text_task(&mut next).multi_label = true;
    next.champion =
        Some(ModelFolder { folder: first.output.clone(), precision: "fp32".to_owned() });
    let (started, outcome) = run(&next).unwrap();
    assert_eq!(outcome.comparison.unwrap().rows, started.test_rows);
    text_task(&mut next).class_weights = ClassWeights::Balanced;
    assert_eq!(failure(&next), FailureKind::Argument);
    text_task(&mut next).class_weights = ClassWeights::Equal;
    text_task(&mut next).multi_label = false;
    assert_eq!(failure(&next), FailureKind::Argument);
}

/// The champion is judged on the rows that the new model is judged on, by its classes' names.
#[test]
fn the_champion_is_compared_on_what_both_know() {
    let (old, new) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let first = job(&old, "bert_encoder", Method::Head, &rows(&TWO, 60));
    run(&first).unwrap();
    let three = [TWO[0], TWO[1], ("thanks", "thanks")];
    let mut second = job(&new, "bert_encoder", Method::Head, &rows(&three, 60));
    second.champion =
        Some(ModelFolder { folder: first.output.clone(), precision: "fp32".to_owned() });
    let (started, outcome) = run(&second).unwrap();
    let (champion, comparison) = (outcome.champion.unwrap(), outcome.comparison.unwrap());
    assert_eq!(comparison.rows, champion.rows);
    assert!(champion.rows < started.test_rows, "{} of {}", champion.rows, started.test_rows);
    assert!(champion.accuracy >= 0.9, "{}", champion.accuracy);
    assert!(outcome.decision.reason.contains("1 are known to one alone"), "{:?}", outcome.decision);
    // The champion itself may be the base, with its classes kept.
    let folder = TempDir::new().unwrap();
    let mut third = job(&folder, "bert_encoder", Method::Head, &rows(&TWO, 60));
    text_task(&mut third).base = first.output.clone();
    text_task(&mut third).keep_labels = true;
    text_task(&mut third).method = Method::Auto;
    text_task(&mut third).epochs = 1;
    third.champion = second.champion.clone();
    let (started, outcome) = run(&third).unwrap();
    assert_eq!(started.method, "fine_tune");
    assert_eq!(outcome.comparison.unwrap().rows, started.test_rows);
}

#[test]
fn what_cannot_be_learnt_is_told() {
    let fails = |rows: &[TextRow], change: &dyn Fn(&mut Job)| {
        let folder = TempDir::new().unwrap();
        let mut job = job(&folder, "bert_encoder", Method::Head, rows);
        change(&mut job);
        failure(&job)
    };
    assert_eq!(fails(&rows(&TWO[..1], 20), &|_| ()), FailureKind::Data);
    assert_eq!(fails(&rows(&TWO, 3), &|_| ()), FailureKind::Data);
    let two = rows(&TWO, 8);
    let kept = |job: &mut Job| text_task(job).keep_labels = true;
    assert_eq!(fails(&two, &kept), FailureKind::Argument);
    let weights = |job: &mut Job| {
        text_task(job).class_weights = ClassWeights::Given([("other".to_owned(), 2.0)].into());
    };
    assert_eq!(fails(&two, &weights), FailureKind::Argument);
    let device = |job: &mut Job| {
        job.device = "tpu".to_owned();
        text_task(job).method = Method::FineTune;
    };
    assert_eq!(fails(&two, &device), FailureKind::Argument);
    let weight: Vec<TextRow> =
        two.iter().map(|row| TextRow { weight: -1.0, ..row.clone() }).collect();
    assert_eq!(fails(&weight, &|_| ()), FailureKind::Data);
}

/// A vocabulary without a token reads it as unknown, so texts that differ in it alone are one text.
#[test]
fn new_tokens_tell_texts_apart() {
    let signs = [("angry", "\u{1F621}"), ("happy", "\u{1F60A}")];
    for base in ["bert_encoder", "distilbert_classifier", "roberta_classifier"] {
        let folder = TempDir::new().unwrap();
        let mut job = job(&folder, base, Method::FineTune, &rows(&signs, 60));
        let new = [("\u{1F621}", "money"), ("\u{1F60A}", "good"), ("Zqx", "")];
        text_task(&mut job).new_tokens =
            new.map(|(token, words)| (token.to_owned(), words.to_owned())).into();
        let (_, outcome) = run(&job).unwrap();
        let accuracy = outcome.evaluation.accuracy;
        assert!(accuracy >= 0.9, "{base}: {accuracy}");
        let model = served(&job);
        let tokens = |text: &str| model.tokenise(text).unwrap().ids;
        assert_eq!(answer(&model, "my card \u{1F60A}\u{1F60A}"), "happy", "{base}");
        // One id for each sign, one for a new word, which is not found within another one.
        let plain = tokens("my card").len();
        assert_eq!(tokens("my card\u{1F621}\u{1F621}").len(), plain + 2, "{base}");
        assert_eq!(tokens("my card Zqx").len(), plain + 1, "{base}");
        assert!(tokens("my card aZqxa").len() > plain + 1, "{base}");

        // The new model knows them: it is trained on as it is.
        let mut next = job.clone();
        let base = folder.path().join("base");
        std::fs::rename(&job.output, &base).unwrap();
        text_task(&mut next).base = base;
        run(&next).unwrap();
        assert_eq!(served(&next).tokenise("my card\u{1F621}").unwrap().len(), plain + 1);
    }
}

/// A new token's vector begins as the mean of its words', a token without words in the middle.
#[test]
fn new_tokens_begin_from_their_words() {
    let folder = TempDir::new().unwrap();
    let mut job = job(&folder, "bert_encoder", Method::Head, &rows(&TWO, 20));
    let before = crm_ai_model::Checkpoint::open(&text_task(&mut job).base).unwrap();
    let (_, before, width) = before.words().unwrap();
    text_task(&mut job).new_tokens = [
        ("\u{1F621}".to_owned(), "refund card".to_owned()),
        ("\u{1F60A}".to_owned(), String::new()),
    ]
    .into();
    run(&job).unwrap();
    let model = served(&job);
    let (_, after, _) = crm_ai_model::Checkpoint::open(&job.output).unwrap().words().unwrap();
    assert_eq!(after[..before.len()], before);
    let vector = |id: u32| &after[id as usize * width..][..width];
    let ids = |text: &str| {
        let ids = model.tokenise(text).unwrap().ids;
        ids[1..ids.len() - 1].to_vec()
    };
    let mean = |rows: &[&[f32]]| -> Vec<f32> {
        (0..width)
            .map(|at| rows.iter().map(|row| row[at]).sum::<f32>() / rows.len() as f32)
            .collect()
    };
    let words: Vec<&[f32]> = ids("refund card").into_iter().map(vector).collect();
    let all: Vec<&[f32]> = before.chunks_exact(width).collect();
    for (token, expected) in [("\u{1F621}", mean(&words)), ("\u{1F60A}", mean(&all))] {
        let found = vector(ids(token)[0]);
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{token}");
    }
}

/// An encoder that pools the mean becomes a classifier as `transformers` has them, with the dense
/// layer that it has, or a new one.
#[test]
fn the_pooling_is_chosen() {
    for (base, dense) in [
        ("bert_encoder", "bert.pooler.dense.weight"),
        ("roberta_encoder", "classifier.dense.weight"),
    ] {
        for pooling in [None, Some(Pooling::Mean), Some(Pooling::Cls)] {
            let folder = TempDir::new().unwrap();
            let mut job = job(&folder, base, Method::FineTune, &rows(&TWO, 60));
            text_task(&mut job).pooling = pooling;
            let (_, outcome) = run(&job).unwrap();
            assert!(outcome.evaluation.accuracy >= 0.9, "{base} {pooling:?}");
            let bytes = std::fs::read(job.output.join("model.safetensors")).unwrap();
            let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
            let is_cls = pooling == Some(Pooling::Cls);
            assert_eq!(tensors.names().contains(&dense), is_cls, "{base} {pooling:?}");
            let settings = crm_ai_model::Settings::read(&job.output).unwrap();
            let expected =
                if is_cls { crm_ai_model::Pooling::Cls } else { crm_ai_model::Pooling::Mean };
            assert_eq!(settings.pooling, Some(expected));
            assert_eq!(answer(&served(&job), "where is the refund please refund"), "refund");
        }
    }
}

/// The share is of every weight that the base has; the new head is the run's alone.
#[test]
fn the_base_has_its_share() {
    let made = |share: f64| {
        let folder = TempDir::new().unwrap();
        let mut job = job(&folder, "bert_encoder", Method::FineTune, &rows(&TWO, 20));
        text_task(&mut job).base_share = share;
        run(&job).unwrap();
        let read = |path: &std::path::Path| {
            let made = crm_ai_model::Checkpoint::open(path).unwrap().words().unwrap();
            (made.1, std::fs::read(path.join("model.safetensors")).unwrap())
        };
        let base = crm_ai_model::Checkpoint::open(&text_task(&mut job).base).unwrap();
        (base.words().unwrap().1, read(&job.output))
    };
    let (base, (learnt, whole)) = made(0.0);
    let (_, (mixed, part)) = made(0.25);
    for ((base, learnt), mixed) in base.iter().zip(&learnt).zip(&mixed) {
        assert!((0.25 * base + 0.75 * learnt - mixed).abs() < 1e-6);
    }
    assert_ne!(learnt, mixed);
    let head = |bytes: &[u8]| {
        let tensors = safetensors::SafeTensors::deserialize(bytes).unwrap();
        tensors.tensor("classifier.weight").unwrap().data().to_vec()
    };
    assert_eq!(head(&whole), head(&part));
}

//! Tests of `tagger`: against enumeration of every sequence, and on damaged models.

use super::*;

/// In the form of `crfs::Model::dump`, with an attribute that looks like a weight itself.
const DUMP: &str = "FILEHEADER = {
  magic: lCRF
}

LABELS = {
      0: A
      1: B b
      2: C
}

ATTRIBUTES = {
      0: walk
}

TRANSITIONS = {
  (1) A --> A: 0.500000
  (1) A --> B b: -1.250000
  (1) B b --> C: 2.000000
  (1) C --> A: 0.750000
}

STATE_FEATURES = {
  (0) walk --> A: 1.000000
  (0) walk --> B b: 0.250000
  (0) (0) x --> y: 1 --> C: -2.000000
  (0) shop --> B b: 1.500000
  (0) faint --> B b: 0.001000
}

";

fn tagger() -> Tagger {
    Tagger::new(&pack(DUMP, 0.01).unwrap()).unwrap()
}

fn scores<'t>(tagger: &'t Tagger, tokens: &[&[&str]]) -> Scores<'t> {
    let mut scores = tagger.scores();
    for token in tokens {
        scores.next_token();
        token.iter().for_each(|attribute| scores.put(attribute));
    }
    scores
}

const TOKENS: &[&[&str]] =
    &[&["walk", "unknown"], &["shop", "(0) x --> y: 1"], &[], &["walk", "shop"], &["shop"]];

/// Every sequence of labels with its probability, from the weights themselves.
fn sequences(scores: &Scores) -> Vec<(Vec<usize>, f64)> {
    let count = scores.tagger.labels.len();
    let length = scores.states.len() / count;
    let mut all = Vec::new();
    for mut number in 0..count.pow(length as u32) {
        let mut labels = Vec::new();
        for _ in 0..length {
            labels.push(number % count);
            number /= count;
        }
        let states: f64 =
            labels.iter().enumerate().map(|(t, l)| scores.states[t * count + l]).sum();
        let steps: f64 = labels
            .windows(2)
            .map(|pair| scores.tagger.transitions[pair[0] * count + pair[1]])
            .sum();
        all.push((labels, (states + steps).exp()));
    }
    let norm: f64 = all.iter().map(|(_, weight)| weight).sum();
    all.iter_mut().for_each(|(_, weight)| *weight /= norm);
    all
}

#[test]
fn the_reading_is_that_of_enumerating_every_sequence() {
    let tagger = tagger();
    let all = sequences(&scores(&tagger, TOKENS));
    let best = all.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    let reading = scores(&tagger, TOKENS).read();
    assert_eq!(reading.labels, best.0);
    assert!((reading.probability - best.1).abs() < 1e-9, "{} {}", reading.probability, best.1);
    for token in 0..TOKENS.len() {
        for label in 0..3 {
            let sum: f64 =
                all.iter().filter(|(labels, _)| labels[token] == label).map(|(_, p)| p).sum();
            assert!((reading.marginal(token, label) - sum).abs() < 1e-9);
        }
    }
    assert_eq!(reading.certainties().count(), TOKENS.len());
}

#[test]
fn a_weight_under_the_floor_is_left_out() {
    assert_eq!(tagger().attributes.len(), 3);
    assert_eq!(Tagger::new(&pack(DUMP, 0.0).unwrap()).unwrap().attributes.len(), 4);
}

#[test]
fn no_tokens_and_tokens_outside_the_text_are_read_without_fault() {
    let tagger = tagger();
    let reading = tagger.scores().read();
    assert_eq!((reading.labels.len(), reading.probability), (0, 1.0));
    assert_eq!(reading.marginal(0, 0), 0.0);
    let mut scores = tagger.scores();
    scores.put("walk");
    assert!(scores.read().labels.is_empty());
}

#[test]
fn a_long_text_keeps_its_numbers_in_range() {
    let tagger = tagger();
    let token: &[&str] = &["walk"; 300];
    let reading = scores(&tagger, &vec![token; 5_000]).read();
    assert!(reading.certainties().all(|certainty| certainty > 0.999 && certainty <= 1.0 + 1e-9));
    assert!((0.0..=1.0).contains(&reading.probability));
}

#[test]
fn a_damaged_model_is_refused_or_read_without_a_panic() {
    let packed = pack(DUMP, 0.0).unwrap();
    for length in 0..packed.len() {
        assert_eq!(Tagger::new(&packed[..length]).err(), Some(ModelError));
    }
    for at in 0..packed.len() {
        for bit in 0..8 {
            let mut damaged = packed.clone();
            damaged[at] ^= 1 << bit;
            if let Ok(tagger) = Tagger::new(&damaged) {
                let reading = scores(&tagger, TOKENS).read();
                assert!(reading.labels.iter().all(|&label| label < 3));
            }
        }
    }
}

#[test]
fn a_dump_that_is_none_is_refused() {
    assert_eq!(pack("", 0.0), Err(PackError::Labels));
    assert_eq!(pack("LABELS = {\n      0: A\n}\nSTATE_FEATURES = {\nx\n}\n", 0.0), {
        Err(PackError::Line(5))
    });
}

//! Rows in batches of similar length: to learn from, and to ask a served model about.

use crate::Error;
use crate::dataset::Example;
use crm_ai_infer::Tokens;
use crm_ai_wire::training::FailureKind;

/// Batches whose rows are sorted by length together: large enough that lengths are similar, small
/// enough that each pass mixes rows anew. Hugging Face's `group_by_length` takes the same.
const GROUP: usize = 50;
/// Padded tokens of a batch that a served model is asked about.
const BATCH_TOKENS: usize = 512;

/// The order of one pass: each row once, in batches of `size`, decided by `seed` and `epoch`.
pub(crate) fn batches(examples: &[Example], size: usize, seed: i64, epoch: u32) -> Vec<Vec<usize>> {
    let mut random = fastrand::Rng::with_seed((seed as u64).wrapping_add(u64::from(epoch) << 40));
    let mut order: Vec<usize> = (0..examples.len()).collect();
    random.shuffle(&mut order);
    let mut batches: Vec<Vec<usize>> = Vec::new();
    for group in order.chunks_mut(GROUP * size) {
        group.sort_by_key(|&row| examples[row].tokens.len());
        batches.extend(group.chunks(size).map(<[usize]>::to_vec));
    }
    random.shuffle(&mut batches);
    batches
}

/// Asks about all `texts`, shortest first, from `threads` threads at once: [texts, width], in the
/// order of `texts`. `ask` is given the thread's number and a batch; `progress` the texts done.
pub(crate) fn ask_all(
    texts: &[Tokens],
    width: usize,
    threads: usize,
    ask: impl Fn(usize, &[&Tokens]) -> Result<Vec<f32>, crm_ai_infer::Error> + Sync,
    mut progress: impl FnMut(usize),
) -> Result<Vec<f32>, Error> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by_key(|&text| texts[text].len());
    let mut answers = vec![0.0; texts.len() * width];
    let mut rest = &order[..];
    while !rest.is_empty() {
        let mut parts = Vec::new();
        while parts.len() < threads.max(1) && !rest.is_empty() {
            let (part, others) = rest.split_at(batch_size(texts, rest));
            parts.push(part);
            rest = others;
        }
        let ask = &ask;
        let run = |(thread, part): (usize, &&[usize])| {
            let batch: Vec<&Tokens> = part.iter().map(|&text| &texts[text]).collect();
            move || ask(thread, &batch)
        };
        let rows = std::thread::scope(|scope| {
            let running: Vec<_> =
                parts.iter().enumerate().map(run).map(|work| scope.spawn(work)).collect();
            running.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        let stopped = |_| Error::new(FailureKind::System, "a thread of the evaluation failed");
        for (part, rows) in parts.iter().zip(rows) {
            for (&text, row) in part.iter().zip(rows.map_err(stopped)??.chunks_exact(width)) {
                answers[text * width..(text + 1) * width].copy_from_slice(row);
            }
        }
        progress(order.len() - rest.len());
    }
    Ok(answers)
}

/// Texts of the next batch: as many as fit the budget when all are as long as the longest.
fn batch_size(texts: &[Tokens], rest: &[usize]) -> usize {
    let fits =
        |&(at, &text): &(usize, &usize)| at == 0 || (at + 1) * texts[text].len() <= BATCH_TOKENS;
    rest.iter().enumerate().take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_comes_once_among_rows_of_its_length() {
        let examples: Vec<Example> = (0..1003_usize)
            .map(|row| Example {
                tokens: vec![0; 2 + row * 7 % 50].into(),
                classes: vec![0],
                weight: 1.0,
            })
            .collect();
        let found = batches(&examples, 16, 42, 1);
        let mut rows: Vec<usize> = found.iter().flatten().copied().collect();
        rows.sort_unstable();
        assert_eq!(rows, (0..1003).collect::<Vec<_>>());
        let padding: usize = found
            .iter()
            .map(|batch| {
                let lengths: Vec<usize> =
                    batch.iter().map(|&row| examples[row].tokens.len()).collect();
                lengths.iter().max().unwrap() * lengths.len() - lengths.iter().sum::<usize>()
            })
            .sum();
        let tokens: usize = examples.iter().map(|example| example.tokens.len()).sum();
        assert!(padding * 20 < tokens, "{padding} of {tokens}");
        assert_ne!(found, batches(&examples, 16, 42, 2));
        assert_eq!(found, batches(&examples, 16, 42, 1));
    }
}

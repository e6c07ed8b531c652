//! All weights learn: AdamW under a learning rate that rises and falls linearly, as Hugging Face's
//! `Trainer` does it.

use crate::Error;
use crate::batches::batches;
use crate::checkpoint::Checkpoint;
use crate::dataset::Example;
use crate::optimiser::Rates;
use crate::step::{Batch, Stepper};
use crm_ai_wire::training::{Progress, TextTask};
use std::time::{Duration, Instant};

/// Reports and checkpoints are this far apart.
const REPORT_EVERY: Duration = Duration::from_millis(400);
const CHECKPOINT_EVERY: Duration = Duration::from_secs(60);

/// Steps of a fit in all.
pub(crate) fn steps(rows: usize, task: &TextTask) -> u64 {
    rows.div_ceil(task.batch_size as usize) as u64 * u64::from(task.epochs)
}

/// The learning rate of a step, which counts from 0: rising over the warm-up's steps, then falling
/// to zero at the end.
pub(crate) fn learning_rate(task: &TextTask, step: u64, of: u64) -> f64 {
    let warmup = u64::from(task.warmup_steps.unwrap_or(0));
    let share = if step < warmup {
        step as f64 / warmup as f64
    } else {
        (of - step) as f64 / (of - warmup).max(1) as f64
    };
    task.learning_rate * share
}

/// The batches of all passes, in order.
struct Plan<'a> {
    examples: &'a [Example],
    task: &'a TextTask,
    seed: i64,
    epoch: u32,
    batches: Vec<Vec<usize>>,
}

impl Plan<'_> {
    /// The rows of a step.
    fn rows(&mut self, step: u64) -> &[usize] {
        let size = self.task.batch_size as usize;
        let each = self.examples.len().div_ceil(size) as u64;
        let epoch = (step / each) as u32 + 1;
        if epoch != self.epoch {
            self.batches = batches(self.examples, size, self.seed, epoch);
            self.epoch = epoch;
        }
        &self.batches[(step % each) as usize]
    }
}

/// Goes through all steps from `first`, the number of those done. `report` is told how far it is.
pub(crate) fn fit(
    stepper: &mut Stepper,
    examples: &[Example],
    classes: usize,
    (task, seed): (&TextTask, i64),
    (checkpoint, first): (&Checkpoint, u64),
    report: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let of = steps(examples.len(), task);
    let mut plan = Plan { examples, task, seed, epoch: 0, batches: Vec::new() };
    let mut since = Since::new();
    let mut saved = Instant::now();
    for step in first..of {
        let rate = learning_rate(task, step, of);
        let rates = Rates { learning_rate: rate as f32, weight_decay: task.weight_decay as f32 };
        let batch = Batch::of(examples, plan.rows(step), classes, stepper.pooling());
        let loss = stepper.learn(&batch, rates, (seed as u64) ^ step.wrapping_mul(0x9E37_79B9))?;
        since.add(loss, batch.texts);
        let done = step + 1;
        if since.began.elapsed() >= REPORT_EVERY || done == of {
            report(Progress {
                step: done,
                of,
                epoch: done as f64 * f64::from(task.epochs) / of as f64,
                loss: since.loss / since.steps,
                learning_rate: rate,
                rows_per_second: since.rows / since.began.elapsed().as_secs_f64().max(1e-9),
            });
            since = Since::new();
        }
        if saved.elapsed() >= CHECKPOINT_EVERY && done < of {
            checkpoint.save(stepper)?;
            saved = Instant::now();
        }
    }
    Ok(())
}

/// Sums since the last report.
struct Since {
    began: Instant,
    loss: f64,
    steps: f64,
    rows: f64,
}

impl Since {
    fn new() -> Self {
        Self { began: Instant::now(), loss: 0.0, steps: 0.0, rows: 0.0 }
    }

    fn add(&mut self, loss: f32, rows: usize) {
        self.loss += f64::from(loss);
        self.steps += 1.0;
        self.rows += rows as f64;
    }
}

//! All weights learn: AdamW under a learning rate that rises and falls linearly, as Hugging Face's
//! `Trainer` does it.

use crate::Error;
use crate::batch::Batch;
use crate::batches::batches;
use crate::checkpoint::{Checkpoint, Saved, Saves};
use crate::dataset::Example;
use crate::folder::little_endian;
use crate::loss::Loss;
use crate::optimiser::Rates;
use crate::scaler::Scaler;
use crate::step::Stepper;
use crm_ai_wire::training::{Progress, TextTask};
use std::io::Read;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Reports are this far apart.
const REPORT_EVERY: Duration = Duration::from_millis(400);

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
    loss: &Loss,
    plan: (&TextTask, i64),
    (checkpoint, first): (&Checkpoint, u64),
    report: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let range = first..steps(examples.len(), plan.0);
    fit_range(stepper, examples, loss, plan, (checkpoint, range), report)
}

/// Goes through the steps of `range` out of all.
fn fit_range(
    stepper: &mut Stepper,
    examples: &[Example],
    loss: &Loss,
    (task, seed): (&TextTask, i64),
    (checkpoint, range): (&Checkpoint, Range<u64>),
    report: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let of = steps(examples.len(), task);
    let mut plan = Plan { examples, task, seed, epoch: 0, batches: Vec::new() };
    let mut since = Since::new(0.0);
    let mut saves = Saves::begin();
    for step in range {
        // A step that was left out does not count for the learning rate, as in `Trainer`.
        let rate = learning_rate(task, stepper.optimiser.steps, of);
        let rates = Rates { learning_rate: rate as f32, weight_decay: task.weight_decay as f32 };
        let batch = Batch::of(examples, plan.rows(step), loss, stepper.pooling());
        let lost = stepper.learn(&batch, rates, (seed as u64) ^ step.wrapping_mul(0x9E37_79B9))?;
        since.add(lost, batch.texts);
        let done = step + 1;
        if since.began.elapsed() >= REPORT_EVERY || done == of {
            report(Progress {
                step: done,
                of,
                epoch: done as f64 * f64::from(task.epochs) / of as f64,
                loss: Some(since.mean()),
                learning_rate: rate,
                rows_per_second: since.rows / since.began.elapsed().as_secs_f64().max(1e-9),
            });
            since = Since::new(since.mean());
        }
        if done < of {
            saves.when_due(|| save(checkpoint, stepper))?;
        }
    }
    Ok(())
}

/// Writes what the fit has learnt so far.
fn save(checkpoint: &Checkpoint, stepper: &mut Stepper) -> Result<(), Error> {
    let Scaler { scale, good, skipped } = stepper.scaler.unwrap_or_else(Scaler::new);
    let steps = stepper.steps_done();
    let weights = stepper.weights()?;
    checkpoint.save(steps, |file| {
        file.write_all(&scale.to_le_bytes())?;
        file.write_all(&good.to_le_bytes())?;
        file.write_all(&skipped.to_le_bytes())?;
        for weight in &weights.0 {
            for numbers in [&weight.values, &weight.mean, &weight.square] {
                for part in numbers.chunks(1 << 14) {
                    file.write_all(&little_endian(part))?;
                }
            }
        }
        Ok(())
    })
}

/// Takes up what an earlier fit of this job had learnt, if there is any; gives the steps that
/// were done.
pub(crate) fn take_up(checkpoint: &Checkpoint, stepper: &mut Stepper) -> Result<u64, Error> {
    let Some(Saved { steps, mut body }) = checkpoint.open()? else { return Ok(0) };
    let weights = &stepper.weights()?.0;
    let numbers: usize = weights.iter().map(|weight| 3 * weight.values.len()).sum();
    if body.limit() != 16 + 4 * numbers as u64 {
        return Ok(0);
    }
    let (mut scale, mut good, mut skipped) = ([0; 4], [0; 4], [0; 8]);
    body.read_exact(&mut scale)?;
    body.read_exact(&mut good)?;
    body.read_exact(&mut skipped)?;
    for weight in &mut stepper.weights_mut()?.0 {
        for numbers in [&mut weight.values, &mut weight.mean, &mut weight.square] {
            for part in numbers.chunks_mut(1 << 14) {
                let mut bytes = vec![0; 4 * part.len()];
                body.read_exact(&mut bytes)?;
                let read = bytes.as_chunks::<4>().0.iter();
                part.iter_mut().zip(read).for_each(|(to, from)| *to = f32::from_le_bytes(*from));
            }
        }
    }
    let skipped = u64::from_le_bytes(skipped);
    stepper.optimiser.steps = steps.saturating_sub(skipped);
    if let Some(scaler) = &mut stepper.scaler {
        let (scale, good) = (f32::from_le_bytes(scale), u32::from_le_bytes(good));
        *scaler = Scaler { scale, good, skipped };
    }
    Ok(steps)
}

/// Sums since the last report.
struct Since {
    began: Instant,
    /// The mean loss of the report before.
    before: f64,
    loss: f64,
    steps: f64,
    rows: f64,
}

impl Since {
    fn new(before: f64) -> Self {
        Self { began: Instant::now(), before, loss: 0.0, steps: 0.0, rows: 0.0 }
    }

    /// A step; without a loss where it was left out.
    fn add(&mut self, loss: Option<f32>, rows: usize) {
        if let Some(loss) = loss {
            self.loss += f64::from(loss);
            self.steps += 1.0;
        }
        self.rows += rows as f64;
    }

    /// The mean loss; the one before where all steps were left out.
    fn mean(&self) -> f64 {
        if self.steps > 0.0 { self.loss / self.steps } else { self.before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crm_ai_infer::Runtime;
    use crm_ai_model::{Arithmetic, TrainingOptions};
    use crm_ai_wire::training::{ClassWeights, Job, Method, MixedPrecision, Task};
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;

    fn task(base: PathBuf) -> TextTask {
        TextTask {
            base,
            method: Method::FineTune,
            epochs: 3,
            batch_size: 4,
            learning_rate: 1e-3,
            warmup_steps: Some(3),
            weight_decay: 0.01,
            max_tokens: 32,
            label_sets: [].into(),
            label_smoothing: 0.0,
            multi_label: false,
            class_weights: ClassWeights::Equal,
            mixed_precision: MixedPrecision::Auto,
            new_tokens: [].into(),
            pooling: None,
            base_share: 0.0,
            keep_labels: false,
        }
    }

    fn job(task: &TextTask, folder: &Path) -> Job {
        std::fs::write(folder.join("rows"), "rows").unwrap();
        Job {
            run: 1,
            rows: folder.join("rows"),
            output: folder.join("out"),
            checkpoint: folder.to_owned(),
            task: Task::Text(task.clone()),
            champion: None,
            test_size: 0.2,
            seed: 5,
            device: "cpu".to_owned(),
            threads: 1,
            promote: crm_ai_metrics::Promote::IfBetter,
            minimums: Default::default(),
        }
    }

    /// One for all tests: a process has one environment.
    fn runtime() -> &'static Runtime {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        RUNTIME.get_or_init(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let library = std::env::var_os("CRM_AI_ONNXRUNTIME")
                .map_or(root.join(".cache/onnxruntime/libonnxruntime.so"), PathBuf::from);
            Runtime::load(&library).unwrap()
        })
    }

    fn stepper(runtime: &Runtime, base: &Path, is_resident: bool) -> Stepper {
        let checkpoint = crm_ai_model::Checkpoint::open(base).unwrap();
        let options = TrainingOptions {
            classes: 2,
            keep_head: false,
            pooling: None,
            label_smoothing: 0.0,
            multi_label: false,
            dropout: true,
            arithmetic: Arithmetic::Fp16,
            emulated: true,
        };
        let graph = checkpoint.training_graph(&options).unwrap();
        let stepper = if is_resident {
            Stepper::resident_on_processor(runtime, graph, 1, (4, 12), 5)
        } else {
            Stepper::new(runtime, graph, None, 1, (4, 12), 5)
        };
        stepper.unwrap()
    }

    fn examples() -> Vec<Example> {
        let example = |row: u32| Example {
            tokens: (0..3 + row % 9).map(|at| 5 + (row * 7 + at) % 90).collect(),
            classes: vec![row as usize % 2],
            weight: 1.0,
        };
        (0..22).map(example).collect()
    }

    fn base() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/model/bert_encoder")
    }

    fn numbers(stepper: &mut Stepper) -> Vec<f32> {
        stepper.weights().unwrap().0.iter().flat_map(|weight| &weight.values).copied().collect()
    }

    /// A run that was cut off after any step ends with the very weights of one that was not, with
    /// loss scaling too.
    #[test]
    fn a_fit_goes_on_where_it_was() {
        let (base, examples) = (base(), examples());
        let task = task(base.clone());
        let folder = tempfile::tempdir().unwrap();
        let job = job(&task, folder.path());
        let checkpoint = Checkpoint::of(&job).unwrap();
        let runtime = runtime();
        let mut steppers = [(); 3].map(|()| stepper(runtime, &base, false));
        let [whole, cut, resumed] = &mut steppers;
        let go = |stepper: &mut Stepper, first, end| {
            let range = first..end;
            let loss = Loss::equal(2, 0.0);
            fit_range(stepper, &examples, &loss, (&task, 5), (&checkpoint, range), &mut |_| ())
                .unwrap();
        };
        // So large that the first steps are left out.
        for stepper in [&mut *whole, &mut *cut] {
            stepper.scaler.as_mut().unwrap().scale = (1 << 22) as f32;
        }
        go(whole, 0, 18);
        go(cut, 0, 8);
        assert_eq!(take_up(&checkpoint, resumed).unwrap(), 0);
        save(&checkpoint, cut).unwrap();
        assert_eq!(take_up(&checkpoint, resumed).unwrap(), 8);
        go(resumed, 8, 18);
        assert!(numbers(resumed) == numbers(whole));
        assert!(numbers(cut) != numbers(whole));
        let scaler = whole.scaler.unwrap();
        assert_eq!(resumed.scaler, Some(scaler));
        assert_eq!(scaler.skipped + whole.optimiser.steps, 18);
        assert!(scaler.skipped > 0, "{scaler:?}");
        // Another job leaves it alone.
        let other = Checkpoint::of(&Job { seed: 6, ..job }).unwrap();
        assert_eq!(take_up(&other, resumed).unwrap(), 0);
    }

    /// From where weights stay on the device to where they travel, and back.
    #[test]
    fn a_fit_goes_on_on_another_device() {
        let (base, examples, runtime) = (base(), examples(), runtime());
        let task = task(base.clone());
        for is_resident in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let checkpoint = Checkpoint::of(&job(&task, folder.path())).unwrap();
            let go = |stepper: &mut Stepper, range| {
                let (loss, at) = (Loss::equal(2, 0.0), (&checkpoint, range));
                fit_range(stepper, &examples, &loss, (&task, 5), at, &mut |_| ()).unwrap();
            };
            let mut cut = stepper(runtime, &base, is_resident);
            let before = numbers(&mut cut);
            cut.scaler.as_mut().unwrap().scale = (1 << 22) as f32;
            // A step whose gradients overflow leaves everything as it was.
            go(&mut cut, 0..1);
            assert!(numbers(&mut cut) == before);
            let scaler = cut.scaler.unwrap();
            assert_eq!((scaler.scale, scaler.skipped), ((1 << 21) as f32, 1));
            go(&mut cut, 1..12);
            save(&checkpoint, &mut cut).unwrap();
            let mut resumed = stepper(runtime, &base, !is_resident);
            assert_eq!(take_up(&checkpoint, &mut resumed).unwrap(), 12);
            assert!(numbers(&mut resumed) == numbers(&mut cut));
            assert!(numbers(&mut cut) != before);
            assert_eq!(resumed.scaler, cut.scaler);
            for stepper in [&mut cut, &mut resumed] {
                go(stepper, 12..18);
            }
            let (cut, resumed) = (numbers(&mut cut), numbers(&mut resumed));
            let off = cut.iter().zip(&resumed).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(off < 1e-3, "{off}");
        }
    }

    #[test]
    fn the_rate_rises_and_falls() {
        let task = task(PathBuf::new());
        let rates = [0, 1, 3, 13, 22].map(|step| learning_rate(&task, step, 23));
        let expected = [0.0, 1.0 / 3.0, 1.0, 0.5, 0.05].map(|share| share * 1e-3);
        for (rate, expected) in rates.iter().zip(expected) {
            assert!((rate - expected).abs() < 1e-12, "{rates:?}");
        }
    }
}

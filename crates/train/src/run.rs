//! A run from its job to its outcome.

use crate::batches::ask_all;
use crate::checkpoint::Checkpoint;
use crate::dataset::{Dataset, Example};
use crate::energy::Energy;
use crate::evaluate::{Verdict, evaluate};
use crate::folder::{self, Serving, Tensors};
use crate::step::Stepper;
use crate::weights::Weights;
use crate::{Error, fine_tune, head, table, vocabulary};
use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime, Tokens};
use crm_ai_model as model;
use crm_ai_model::{Arithmetic, Pooling, TrainingOptions};
use crm_ai_wire::training::{
    self, Event, FailureKind, Job, Method, MixedPrecision, Outcome, Progress, Started, Task,
    TextTask,
};
use std::path::Path;
use std::time::Instant;

/// Rows of a class, on average, from which `auto` trains all weights: below, the frozen encoder
/// with a fitted head is the better one, and takes seconds (docs/training-engine.md).
const FINE_TUNE_CLASS_ROWS: usize = 40;
/// Rows below which `auto` fits a head however few classes there are.
const FINE_TUNE_ROWS: usize = 1000;

/// Does what the job asks for; `report` is given every event but the last of a failure.
pub fn run(job: &Job, runtime: &Runtime, report: &mut dyn FnMut(Event)) -> Result<(), Error> {
    match &job.task {
        Task::Text(task) => {
            let folder = job.checkpoint.join("base");
            let base = vocabulary::extended(&task.base, &task.new_tokens, folder)?;
            let task = &TextTask { base, ..task.clone() };
            Run { job, task, runtime }.text(report)
        }
        Task::Table(task) => table::run(job, task, runtime, report),
    }
}

/// State of a run.
struct Run<'a> {
    job: &'a Job,
    task: &'a TextTask,
    runtime: &'a Runtime,
}

/// A head for the frozen base, and the base's tensors.
struct FittedHead {
    tensors: Tensors,
    head: head::Head,
    /// Name of its matrix.
    classifier: &'static str,
    classes: usize,
    width: usize,
}

impl FittedHead {
    fn weight_name(&self) -> String {
        format!("{}.weight", self.classifier)
    }

    fn bias_name(&self) -> String {
        format!("{}.bias", self.classifier)
    }
}

/// Result of the training.
struct Learnt {
    tensors: Tensors,
    pooling: Pooling,
    on_device: bool,
}

impl Run<'_> {
    fn text(&self, report: &mut dyn FnMut(Event)) -> Result<(), Error> {
        let Self { job, task, runtime } = *self;
        let energy = Energy::begin(cuda_device(&job.device)?);
        self.check_labels()?;
        let options = LoadOptions {
            precision: Precision::Fp32,
            device: Device::Cpu,
            workers: job.threads.max(1),
        };
        let base = Model::load(runtime, &task.base, &options)?;
        let known = self.known_classes(&base)?;
        let dataset = Dataset::read(job, task, &base, known.as_deref())?;
        drop(base);
        let method = method(task, &dataset);
        if method == Method::Head {
            let given = [
                ("label_smoothing", task.label_smoothing > 0.0),
                ("pooling", task.pooling == Some(training::Pooling::Cls)),
                ("base_share", task.base_share > 0.0),
                ("device", job.device.starts_with("cuda")),
            ];
            for (name, _) in given.iter().filter(|(_, given)| *given) {
                let text = format!("a head was chosen, to which {name} does not apply");
                report(Event::Notice { text });
            }
        }
        let began = Instant::now();
        let learnt = match method {
            Method::Head => self.head(&dataset, report)?,
            _ => self.fine_tune(&dataset, report)?,
        };
        let seconds = began.elapsed().as_secs_f64();
        report(Event::Evaluating);
        let serving = Serving {
            pooling: learnt.pooling,
            max_tokens: task.max_tokens,
            temperature: 1.0,
            multi_label: task.multi_label,
        };
        folder::write(&job.output, &task.base, &learnt.tensors, &dataset.classes, serving)?;
        let verdict = evaluate(job, runtime, &dataset, serving)?;
        let (joules, source) = energy.end(learnt.on_device);
        report(Event::Finished(Box::new(outcome(verdict, seconds, joules, source))));
        Ok(())
    }

    /// Fails for options that are incompatible with several labels, or with a champion of the other
    /// kind.
    fn check_labels(&self) -> Result<(), Error> {
        let Self { job, task, .. } = *self;
        let wrong =
            |message: &str, hint| Err(Error::new(FailureKind::Argument, message).hint(hint));
        let kind = |folder: &Path| folder::is_multi_label(folder) != task.multi_label;
        if job.champion.as_ref().is_some_and(|champion| kind(&champion.folder)) {
            let message = "the champion gives one label a text and the rows several, or otherwise";
            return wrong(message, "give the new model a name of its own");
        }
        if task.keep_labels && kind(&task.base) {
            let message = "the base gives one label a text and the rows several, or otherwise";
            return wrong(message, "choose another base");
        }
        if task.multi_label && !task.has_plain_loss() {
            return wrong(TextTask::NEEDS_PLAIN_LOSS, "leave them out");
        }
        Ok(())
    }

    /// The classes of a head that is kept.
    fn known_classes(&self, base: &Model) -> Result<Option<Vec<String>>, Error> {
        if !self.task.keep_labels {
            return Ok(None);
        }
        let labels = base.info().labels.clone();
        if labels.is_empty() {
            return Err(Error::new(FailureKind::Argument, "the base has no classes to keep"));
        }
        Ok(Some(labels))
    }

    fn started(&self, dataset: &Dataset, method: Method, device: &str, steps: u64) -> Started {
        Started {
            method: method.name().to_owned(),
            device: device.to_owned(),
            train_rows: dataset.train.len() as u64,
            test_rows: dataset.test.len() as u64,
            duplicate_rows: dataset.duplicates,
            conflicting_rows: dataset.conflicts,
            classes: dataset.counts.clone(),
            steps,
            resumed_at: 0,
        }
    }

    fn fine_tune(&self, dataset: &Dataset, report: &mut dyn FnMut(Event)) -> Result<Learnt, Error> {
        let Self { job, task, .. } = *self;
        let (mut stepper, device) = self.stepper(dataset, report)?;
        let narrow = match stepper.arithmetic() {
            Arithmetic::Fp32 => None,
            Arithmetic::Fp16 => Some("fp16"),
            Arithmetic::Bf16 => Some("bf16"),
        };
        if let Some(name) = narrow {
            report(Event::Notice { text: format!("matrix products are computed in {name}") });
        }
        let checkpoint = Checkpoint::of(job)?;
        let first = fine_tune::take_up(&checkpoint, &mut stepper)?;
        let steps = fine_tune::steps(dataset.train.len(), task);
        let mut started = self.started(dataset, Method::FineTune, &device, steps);
        started.resumed_at = first;
        report(Event::Started(started));
        let chosen_here = task.method == Method::Auto && !task.keep_labels;
        if chosen_here && first == 0 && stepper.pooling() == Pooling::Mean {
            let fitted = self.fit_head(dataset, &mut |_, _| {})?;
            let [weight, bias] = [fitted.weight_name(), fitted.bias_name()];
            let weights = stepper.weights_mut()?;
            weights.set(&weight, fitted.head.weight);
            weights.set(&bias, fitted.head.bias);
        }
        fine_tune::fit(
            &mut stepper,
            &dataset.train,
            &dataset.loss,
            (task, job.seed),
            (&checkpoint, first),
            &mut |progress| report(Event::Progress(progress)),
        )?;
        if task.base_share > 0.0 {
            let base =
                model::Checkpoint::open(&task.base)?.training_graph(&self.options(dataset))?;
            stepper.weights_mut()?.mix_in(&base.parameters, task.base_share as f32);
        }
        let (pooling, on_device) = (stepper.pooling(), device != "cpu");
        Ok(Learnt { tensors: folder::tensors(stepper.weights()?), pooling, on_device })
    }

    /// Options of the training graph, on the processor.
    fn options(&self, dataset: &Dataset) -> TrainingOptions {
        let task = self.task;
        TrainingOptions {
            classes: dataset.classes.len() as u64,
            keep_head: task.keep_labels,
            pooling: task.pooling.map(|pooling| match pooling {
                training::Pooling::Cls => Pooling::Cls,
                training::Pooling::Mean => Pooling::Mean,
            }),
            label_smoothing: task.label_smoothing as f32,
            multi_label: task.multi_label,
            dropout: true,
            arithmetic: Arithmetic::Fp32,
            emulated: false,
        }
    }

    /// The training session, on the device that was asked for where that can be had.
    fn stepper(
        &self,
        dataset: &Dataset,
        report: &mut dyn FnMut(Event),
    ) -> Result<(Stepper, String), Error> {
        let Self { job, task, runtime } = *self;
        let checkpoint = model::Checkpoint::open(&task.base)?;
        let options = self.options(dataset);
        let longest = dataset.train.iter().map(|example| example.tokens.len()).max().unwrap_or(0);
        let largest = (task.batch_size as usize, longest);
        let make = |device: Option<i32>| {
            let arithmetic = arithmetic(task.mixed_precision, device.is_some());
            let emulated = device.is_none();
            let options = TrainingOptions { arithmetic, emulated, ..options.clone() };
            let graph = checkpoint.training_graph(&options)?;
            Stepper::new(runtime, graph, device, job.threads.max(1), largest, job.seed)
        };
        if let Some(number) = cuda_device(&job.device)? {
            match make(Some(number)) {
                Ok(stepper) => return Ok((stepper, format!("cuda:{number}"))),
                Err(error) => report(Event::Notice {
                    text: format!("CUDA cannot be used, the run goes on on the processor: {error}"),
                }),
            }
        }
        Ok((make(None)?, "cpu".to_owned()))
    }

    fn head(&self, dataset: &Dataset, report: &mut dyn FnMut(Event)) -> Result<Learnt, Error> {
        let steps = (dataset.train.len() + head::fits()) as u64;
        report(Event::Started(self.started(dataset, Method::Head, "cpu", steps)));
        let began = Instant::now();
        let mut told = Instant::now();
        let mut progress = |step: u64, loss: Option<f64>| {
            if told.elapsed().as_millis() < 300 && step < steps {
                return;
            }
            told = Instant::now();
            report(Event::Progress(Progress {
                step,
                of: steps,
                epoch: 0.0,
                loss,
                learning_rate: 0.0,
                rows_per_second: step as f64 / began.elapsed().as_secs_f64().max(1e-9),
            }));
        };
        let fitted = self.fit_head(dataset, &mut progress)?;
        let (weight, bias) = (fitted.weight_name(), fitted.bias_name());
        let FittedHead { mut tensors, head, classes, width, .. } = fitted;
        tensors.insert(weight, (vec![classes, width], head.weight));
        tensors.insert(bias, (vec![classes], head.bias));
        Ok(Learnt { tensors, pooling: Pooling::Mean, on_device: false })
    }

    /// Fits a head to the frozen base. `progress` is told the rows whose vectors are computed, then
    /// the fits beside them with the loss of each.
    fn fit_head(
        &self,
        dataset: &Dataset,
        progress: &mut dyn FnMut(u64, Option<f64>),
    ) -> Result<FittedHead, Error> {
        let Self { job, task, .. } = *self;
        let tensors = encoder_tensors(&task.base)?;
        let classifier = model::Checkpoint::open(&task.base)?.classifier();
        let encoder = self.encoder(&tensors, classifier)?;
        let width = encoder.info().labels.len();
        let examples: Vec<&Example> = dataset.train.iter().collect();
        let texts: Vec<Tokens> = examples
            .iter()
            .map(|example| Tokens { ids: example.tokens.clone(), truncated: false })
            .collect();
        let ask = |worker: usize, batch: &[&Tokens]| encoder.logits(worker, batch);
        let vectors = ask_all(&texts, width, job.threads, ask, |texts| {
            progress(texts as u64, None);
        })?;
        let classes = dataset.classes.len();
        let how = (job.seed, job.threads);
        let head = head::fit(&vectors, width, &dataset.loss, &examples, how, |fit, loss| {
            progress((examples.len() + fit) as u64, Some(loss));
        });
        Ok(FittedHead { tensors, head, classifier, classes, width })
    }

    /// The base with a head that hands on the text's vector as it is: so the features are those
    /// that the fitted head will be given when it is served.
    fn encoder(&self, tensors: &Tensors, classifier: &str) -> Result<Model, Error> {
        let Self { job, task, runtime } = *self;
        let width = model::Checkpoint::open(&task.base)?.config().hidden_size as usize;
        let labels: Vec<String> = (0..width).map(|number| number.to_string()).collect();
        let identity = (0..width * width).map(|at| f32::from(at % (width + 1) == 0)).collect();
        let mut tensors = tensors.clone();
        tensors.insert(format!("{classifier}.weight"), (vec![width, width], identity));
        tensors.insert(format!("{classifier}.bias"), (vec![width], vec![0.0; width]));
        let folder = job.checkpoint.join("encoder");
        let serving = Serving {
            pooling: Pooling::Mean,
            max_tokens: task.max_tokens,
            temperature: 1.0,
            multi_label: false,
        };
        folder::write(&folder, &task.base, &tensors, &labels, serving)?;
        let options = LoadOptions {
            precision: Precision::Fp32,
            device: Device::Cpu,
            workers: job.threads.max(1),
        };
        let encoder = Model::load(runtime, &folder, &options)?;
        std::fs::remove_dir_all(folder)?;
        Ok(encoder)
    }
}

/// The method, chosen by the number of rows where that was left open.
fn method(task: &TextTask, dataset: &Dataset) -> Method {
    match task.method {
        Method::Auto if task.keep_labels => Method::FineTune,
        Method::Auto => {
            let rows = dataset.train.len();
            let enough = FINE_TUNE_ROWS.max(FINE_TUNE_CLASS_ROWS * dataset.classes.len());
            if rows >= enough { Method::FineTune } else { Method::Head }
        }
        method => method,
    }
}

/// The encoder's tensors, without any head.
fn encoder_tensors(base: &Path) -> Result<Tensors, Error> {
    let checkpoint = model::Checkpoint::open(base)?;
    let options = TrainingOptions::new(2);
    let weights = Weights::new(checkpoint.training_graph(&options)?.parameters, 0);
    let mut tensors = folder::tensors(&weights);
    tensors.retain(|name, _| {
        !["classifier", "pooler", "pre_classifier"]
            .iter()
            .any(|part| name.split('.').any(|own| own == *part))
    });
    Ok(tensors)
}

/// Arithmetic of the matrix products. A processor is slower in 16 bits, so only on request.
fn arithmetic(wanted: MixedPrecision, is_cuda: bool) -> Arithmetic {
    match wanted {
        MixedPrecision::Auto if is_cuda => Arithmetic::Fp16,
        MixedPrecision::Auto | MixedPrecision::Fp32 => Arithmetic::Fp32,
        MixedPrecision::Fp16 => Arithmetic::Fp16,
        MixedPrecision::Bf16 => Arithmetic::Bf16,
    }
}

/// The number of the CUDA device that is to be tried; `None` for the processor.
fn cuda_device(device: &str) -> Result<Option<i32>, Error> {
    match device {
        "cpu" => Ok(None),
        "auto" => Ok(Path::new("/dev/nvidiactl").exists().then_some(0)),
        "cuda" => Ok(Some(0)),
        other => match other.strip_prefix("cuda:").map(str::parse) {
            Some(Ok(number)) => Ok(Some(number)),
            _ => Err(Error::new(
                FailureKind::Argument,
                "invalid value for device; expected auto, cpu or cuda:N",
            )),
        },
    }
}

pub(crate) fn outcome(verdict: Verdict, seconds: f64, joules: f64, source: &str) -> Outcome {
    let Verdict { evaluation, champion, comparison, decision } = verdict;
    Outcome {
        evaluation,
        champion,
        comparison,
        decision,
        importances: Vec::new(),
        seconds,
        joules,
        joules_source: source.to_owned(),
    }
}

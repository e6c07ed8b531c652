//! Steps of the trainer for benches/training: reads `TEXTS TOKENS` a line, does one step on random
//! ids, answers with its wall seconds and its processor seconds.
//!
//! `steps LIBRARY BASE THREADS [PART_TOKENS]`. Nothing is dropped out.

use crm_ai_infer::Runtime;
use crm_ai_model::{Checkpoint, Pooling, TrainingOptions};
use crm_ai_train::{Batch, Loss, Rates, Stepper};
use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

/// Classes of the head, and the least id that is no special token.
const CLASSES: usize = 5;
const FIRST_ID: u64 = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, base, threads, part @ ..] = &arguments[..] else {
        return Err("steps LIBRARY BASE THREADS [PART_TOKENS]".into());
    };
    let runtime = Runtime::load(Path::new(library))?;
    let checkpoint = Checkpoint::open(Path::new(base))?;
    let vocabulary = checkpoint.config().vocab_size;
    let options = TrainingOptions::new(CLASSES as u64);
    let graph = checkpoint.training_graph(&options)?;
    let mut stepper = Stepper::new(&runtime, graph, None, threads.parse()?, (64, 512), 1)?;
    if let [part] = part {
        stepper.part_tokens = part.parse()?;
    }
    let rates = Rates { learning_rate: 2e-5, weight_decay: 0.01 };
    let mut random = fastrand::Rng::with_seed(7);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (texts, tokens) = line.split_once(' ').ok_or("TEXTS TOKENS")?;
        let (texts, tokens): (usize, usize) = (texts.parse()?, tokens.parse()?);
        let rows: Vec<(Vec<u32>, [usize; 1])> = (0..texts)
            .map(|_| {
                let ids = (0..tokens).map(|_| random.u64(FIRST_ID..vocabulary) as u32).collect();
                (ids, [random.usize(..CLASSES)])
            })
            .collect();
        let rows = rows.iter().map(|(ids, class)| (&ids[..], &class[..], 1.0));
        let batch = Batch::new(rows, &Loss::equal(CLASSES, 0.0), Pooling::Mean);
        let (began, used) = (Instant::now(), processor_seconds()?);
        stepper.learn(&batch, rates, 1)?;
        println!("{} {}", began.elapsed().as_secs_f64(), processor_seconds()? - used);
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// Processor time of this process and its threads, those that ended included.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/self/stat")?;
    let fields: Vec<f64> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    // Linux counts in hundredths of a second wherever it shows times to users.
    Ok(fields.iter().sum::<f64>() / 100.0)
}

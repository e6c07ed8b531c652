//! Trains the sequence model of names: `train_names LABELLED OUT --leave-out FOLD … [--rows FILE]`.
//!
//! LABELLED is `data/name/labelled.tsv`. Rows fall into five folds by the SHA-256 of their text, as
//! a number, modulo 5. Fold 0 is held out: the model that is compiled in has never seen it
//! (`--leave-out 0`), and choices of features and weights were made with `--leave-out 0 1`. The
//! accuracy on the last fold named is printed; `--rows` writes its rows. Made-up names (`invent`)
//! are learnt, too; they come from the gazetteer, the rows learnt and a fixed seed.

#[path = "../crf/mod.rs"]
mod crf;
mod invent;
mod labelled;

use std::error::Error;
use std::path::PathBuf;

use crf::trainer::{Example, fit};
use crm_ai_clean::name::sequence::{Model, put_attributes};
use crm_ai_clean::tagger;
use labelled::Row;

/// State weights nearer to zero are left out of the packed model.
const FLOOR: f64 = 0.02;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read()?;
    let rows = labelled::read(&options.labelled)?;
    let (left_out, learnt): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| options.folds.contains(&row.fold()));

    let invented = invent::rows(&learnt);
    eprintln!(
        "{} rows learnt, {} invented, {} left out",
        learnt.len(),
        invented.len(),
        left_out.len()
    );
    let learnt = learnt.iter().map(|row| (row, 1.0));
    let all = learnt.chain(invented.iter().map(|(row, weight)| (row, *weight)));
    let packed = tagger::pack(&fit(all.map(|(row, weight)| example(row, weight))), FLOOR)?;
    std::fs::write(&options.out, &packed)?;
    eprintln!("{} bytes", packed.len());
    let judged = options.folds.last().copied();
    let judged: Vec<Row> = left_out.into_iter().filter(|row| Some(row.fold()) == judged).collect();
    if let Some(path) = &options.rows {
        std::fs::write(path, labelled::write(&judged))?;
    }
    measure(&packed, &judged)
}

fn example(row: &Row, weight: f64) -> Example {
    let mut attributes: Vec<Vec<String>> = Vec::new();
    put_attributes(&row.text, &mut attributes);
    (attributes, row.labels.clone(), weight)
}

/// Prints the accuracy on the rows left out and, to the standard output, the faults.
fn measure(packed: &[u8], rows: &[Row]) -> Result<(), Box<dyn Error>> {
    let model = Model::new(packed).ok_or("the packed model cannot be read")?;
    let (mut tokens, mut right, mut whole) = (0_usize, 0_usize, 0_usize);
    for row in rows {
        let labelled = model.label(&row.text);
        let found: Vec<&str> = labelled.labels.iter().map(|label| label.name()).collect();
        tokens += found.len();
        let hits = found.iter().zip(&row.labels).filter(|(found, label)| *found == label).count();
        right += hits;
        whole += usize::from(hits == row.labels.len());
        if hits < row.labels.len() {
            println!("{}\n    want {:?}\n    have {found:?}", row.text, row.labels);
        }
    }
    if tokens > 0 {
        eprintln!(
            "tokens {right}/{tokens} = {:.4}, names {whole}/{} = {:.4}",
            right as f64 / tokens as f64,
            rows.len(),
            whole as f64 / rows.len() as f64
        );
    }
    Ok(())
}

struct Options {
    labelled: PathBuf,
    out: PathBuf,
    folds: Vec<u8>,
    rows: Option<PathBuf>,
}

impl Options {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut arguments = std::env::args().skip(1).peekable();
        let labelled = arguments.next().ok_or("the labelled names are wanted")?.into();
        let out = arguments.next().ok_or("a file for the model is wanted")?.into();
        let mut options = Self { labelled, out, folds: Vec::new(), rows: None };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--leave-out" => {
                    while let Some(fold) = arguments.next_if(|next| !next.starts_with('-')) {
                        options.folds.push(fold.parse()?);
                    }
                }
                "--rows" => options.rows = arguments.next().map(PathBuf::from),
                _ => return Err(format!("unknown option {argument}").into()),
            }
        }
        Ok(options)
    }
}

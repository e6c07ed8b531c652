//! Trains the sequence model of names: `train_names DATA OUT [--leave-out FOLD ...] [--rows FILE]`.
//!
//! DATA holds probablepeople's `person_labeled.xml` and `company_labeled.xml`. Rows fall into five
//! folds by the SHA-256 of their text, as a number, modulo 5. Fold 0 is the held-out one: the
//! accuracy of a model is measured with `--leave-out 0`, choices of features and weights were made
//! with `--leave-out 0 1`, where the last fold is measured, and `--rows` writes the rows left out. Without `--leave-out` all rows are
//! learnt. Made-up names (`invent`) are added; they come from the gazetteer and a fixed seed.

mod invent;
mod labelled;
mod trainer;

use std::error::Error;
use std::path::PathBuf;

use crm_ai_clean::name::sequence::{Model, put_attributes, words};
use crm_ai_clean::tagger;
use labelled::Row;
use trainer::Trainer;

/// State weights nearer to zero are left out of the packed model.
const FLOOR: f64 = 0.02;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read()?;
    let mut rows = labelled::read(&options.data.join("person_labeled.xml"))?;
    rows.extend(labelled::read(&options.data.join("company_labeled.xml"))?);
    let (left_out, learnt): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|row| options.folds.contains(&row.fold()));
    if let Some(path) = &options.rows {
        std::fs::write(path, labelled::write(&left_out))?;
    }

    let invented = invent::rows(&learnt);
    eprintln!(
        "{} rows learnt, {} invented, {} left out",
        learnt.len(),
        invented.len(),
        left_out.len()
    );
    let mut trainer = Trainer::default();
    let learnt = learnt.iter().map(|row| (row, 1.0));
    for (row, weight) in learnt.chain(invented.iter().map(|(row, weight)| (row, *weight))) {
        let mut attributes: Vec<Vec<String>> = Vec::new();
        put_attributes(&row.text, &mut attributes);
        trainer.add(attributes, &row.labels, weight);
    }
    let packed = tagger::pack(&trainer.train(), FLOOR)?;
    std::fs::write(&options.out, &packed)?;
    eprintln!("{} bytes", packed.len());
    let judged = options.folds.last().copied();
    let judged: Vec<Row> = left_out.into_iter().filter(|row| Some(row.fold()) == judged).collect();
    measure(&packed, &judged)
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
    data: PathBuf,
    out: PathBuf,
    folds: Vec<u8>,
    rows: Option<PathBuf>,
}

impl Options {
    fn read() -> Result<Self, Box<dyn Error>> {
        let mut arguments = std::env::args().skip(1).peekable();
        let data = arguments.next().ok_or("the folder of the labelled names is wanted")?.into();
        let out = arguments.next().ok_or("a file for the model is wanted")?.into();
        let mut options = Self { data, out, folds: Vec::new(), rows: None };
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

/// Labels of the words of `text`, from those of its pieces by where they start.
fn align(text: &str, pieces: &[(usize, String)]) -> Vec<String> {
    words(text)
        .iter()
        .map(|word| {
            let piece = pieces.iter().rev().find(|(start, _)| *start <= word.start);
            piece.or(pieces.first()).map_or_else(String::new, |(_, label)| label.clone())
        })
        .collect()
}

//! Shows that an answer does not depend on the processor: run it under several and compare.
//!
//! `kernels LIBRARY FOLDER TEXTS COUNT [REFERENCE]` prints one line of numbers for each of COUNT
//! texts of the file TEXTS and each precision: a classifier's probabilities or a vector. With
//! REFERENCE, the output of another processor, it prints the largest difference and how many
//! labels differ. docs/precision.md tells how other processors are had.

use crm_ai_infer::{Device, LoadOptions, Model, Precision, Runtime};
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, library, folder, texts, count, reference @ ..] = &arguments[..] else {
        return Err("kernels LIBRARY FOLDER TEXTS COUNT [REFERENCE]".into());
    };
    let texts = std::fs::read_to_string(texts)?;
    let lines: Vec<&str> = texts.lines().collect();
    let step = (lines.len() / count.parse::<usize>()?).max(1);
    let runtime = Runtime::load(Path::new(library))?;
    let reference = reference.first().map(std::fs::read_to_string).transpose()?;
    let mut expected = reference.as_deref().map(str::lines);
    for precision in [Precision::Fp32, Precision::Int8] {
        let options = LoadOptions { precision, device: Device::Cpu, workers: 1 };
        let model = Model::load(&runtime, Path::new(folder), &options)?;
        let (mut most, mut labels, mut judged) = (0.0_f32, 0, 0);
        for line in lines.iter().step_by(step) {
            let tokens = model.tokenise(line)?;
            let row = if model.info().dimensions > 0 {
                model.embed(0, &[&tokens])?
            } else {
                model.classify(0, &[&tokens])?
            };
            judged += 1;
            let Some(expected) = &mut expected else {
                let numbers: Vec<String> = row.iter().map(f32::to_string).collect();
                println!("{}", numbers.join(" "));
                continue;
            };
            let numbers = expected.next().ok_or("the reference ends early")?;
            let other = numbers.split(' ').map(str::parse).collect::<Result<Vec<f32>, _>>()?;
            most = row.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(most, f32::max);
            labels += usize::from(largest(&row) != largest(&other));
        }
        if expected.is_some() {
            println!("{precision:?}: {judged} texts, off by {most:.7}, {labels} labels differ");
        }
    }
    Ok(())
}

fn largest(row: &[f32]) -> Option<usize> {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).map(|(index, _)| index)
}
